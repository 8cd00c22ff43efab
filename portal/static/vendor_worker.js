// Opens the vendor's page where there is no network: the last one seen, marked as kept, with its style and script.
const STORE = "stall-1";
const PAGE = "/stall";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

const keep = async (address, answer) => (await caches.open(STORE)).put(address, answer);
const forget = () => caches.delete(STORE);

// What was kept says so itself, with or without its script.
const marked = async (kept) => {
  const html = (await kept.text()).replace("<html ", "<html data-kept ");
  return new Response(html, { headers: kept.headers });
};

const open = async (request, url) => {
  const isPage = url.pathname === PAGE;
  try {
    const answer = await fetch(request);
    // Led away to the door: nobody is signed in here any more, and nothing of her may stay.
    if (answer.type === "opaqueredirect" || answer.status === 404 || answer.redirected) await forget();
    else if (answer.ok && isPage && !url.search) await keep(PAGE, answer.clone());
    return answer;
  } catch (error) {
    const kept = await caches.match(PAGE);
    if (kept) return marked(kept);
    throw error;
  }
};

const asset = async (request, address) => {
  const kept = await caches.match(address);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) await keep(address, answer.clone());
  return answer;
};

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate") event.respondWith(open(request, url));
  // The page asks for itself anew to show what came: that is the freshest to keep.
  else if (url.pathname === PAGE && !url.search && request.headers.get("Accept")?.includes("text/html")) event.respondWith(open(request, url));
  // A style's or script's query names its version, so what is kept under it is right for ever.
  else if (url.pathname.startsWith("/static/") && url.search.startsWith("?v=")) event.respondWith(asset(request, url.pathname + url.search));
});
self.addEventListener("message", (event) => {
  if (event.data === "forget") event.waitUntil(forget());
});
