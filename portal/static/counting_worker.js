// Opens the counting sheet where there is no network: the last one seen, with its style and script.
const STORE = "counting-1";
const SHEET = /^\/field\/[^/]+\/counting$/;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

const fromNetwork = async (request, address) => {
  const store = await caches.open(STORE);
  try {
    const answer = await fetch(request);
    if (answer.ok && !answer.redirected) await store.put(address, answer.clone());
    return answer;
  } catch (error) {
    const kept = await store.match(address);
    if (kept) return kept;
    throw error;
  }
};

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  const isSheet = request.mode === "navigate" && SHEET.test(url.pathname);
  // A sheet is one whatever its query says; a style's or script's query names its version.
  if (isSheet) event.respondWith(fromNetwork(request, url.pathname));
  else if (url.pathname.startsWith("/static/")) event.respondWith(fromNetwork(request, url.pathname + url.search));
});
