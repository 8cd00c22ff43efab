// The stall speaks: hears of payments by server-sent events, shows and says each one once, however often it is told.
(() => {
  const root = document.querySelector("[data-stall]");
  if (!root) return;
  const words = root.dataset;
  const part = (name) => root.querySelector(`[data-${name}]`);
  const fill = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  // What was announced at this phone, whichever tab did it: `upto` and everything below it, and `ids` above it.
  const KEY = `stall:${words.books}`;
  const REMEMBERED = 3000;
  const load = () => JSON.parse(localStorage.getItem(KEY) ?? "null");
  const save = (memory) => localStorage.setItem(KEY, JSON.stringify({ ...memory, ids: memory.ids.slice(-REMEMBERED) }));
  for (const name of Object.keys(localStorage)) if (name.startsWith("stall:") && name !== KEY && name !== "stall:sound") localStorage.removeItem(name);
  if (!load()) save({ upto: Number(words.floor), ids: words.known.split(",").filter(Boolean).map(Number) });
  const alone = (act) => (navigator.locks ? navigator.locks.request(KEY, act) : act());
  const claim = (all) =>
    alone(() => {
      const memory = load() ?? { upto: 0, ids: [] };
      const fresh = all.filter(({ id }) => id > memory.upto && !memory.ids.includes(id));
      memory.ids.push(...fresh.map(({ id }) => id));
      save(memory);
      return fresh;
    });
  const settle = (upto) =>
    alone(() => {
      const memory = load() ?? { upto: 0, ids: [] };
      save({ upto: Math.max(memory.upto, upto), ids: memory.ids.filter((id) => id > upto) });
    });

  // The voice. Browsers let a page sound only after a tap.
  const wanted = () => localStorage.getItem("stall:sound") === "on";
  let woken = false;
  let chimes = null;
  const voice = () => speechSynthesis.getVoices().find(({ lang }) => lang.replace("_", "-").toLowerCase().startsWith(words.voice));
  const hasVoice = () => "speechSynthesis" in window && Boolean(voice());
  const chime = () => {
    if (!chimes) return;
    [880, 1318.5].forEach((pitch, nth) => {
      const tone = chimes.createOscillator();
      const loud = chimes.createGain();
      const at = chimes.currentTime + nth * 0.18;
      tone.frequency.value = pitch;
      loud.gain.setValueAtTime(0.0001, at);
      loud.gain.exponentialRampToValueAtTime(0.5, at + 0.02);
      loud.gain.exponentialRampToValueAtTime(0.0001, at + 0.5);
      tone.connect(loud).connect(chimes.destination);
      tone.start(at);
      tone.stop(at + 0.55);
    });
  };
  const speak = (sentence) => {
    if (!woken || !wanted()) return;
    if (!hasVoice()) return chime();
    const said = new SpeechSynthesisUtterance(sentence);
    said.lang = words.lang;
    said.voice = voice();
    said.rate = 0.95;
    speechSynthesis.speak(said);
  };
  const button = part("sound");
  const showSound = () => {
    const on = woken && wanted();
    button.textContent = on ? words.soundOff : words.soundOn;
    button.setAttribute("aria-pressed", String(on));
    part("voice").textContent = !on ? words.silent : hasVoice() ? words.speaking : words.noVoice;
  };
  const wake = () => {
    woken = true;
    chimes ??= "AudioContext" in window ? new AudioContext() : null;
    chimes?.resume();
    navigator.wakeLock?.request("screen").catch(() => {});
  };
  button.addEventListener("click", () => {
    const on = !(woken && wanted());
    localStorage.setItem("stall:sound", on ? "on" : "off");
    if (on) {
      wake();
      speak(words.test);
    } else if ("speechSynthesis" in window) speechSynthesis.cancel();
    showSound();
  });
  // Who wanted to hear yesterday need not look for the button today: any tap will do.
  addEventListener("pointerdown", () => { if (!woken && wanted()) { wake(); showSound(); } }, { once: true });
  if ("speechSynthesis" in window) speechSynthesis.addEventListener?.("voiceschanged", showSound);

  // Shown large for a while, and read out by screen readers.
  let clear = 0;
  const flash = ({ shown, say, tiny }) => {
    const box = part("flash");
    part("flash-amount").textContent = shown;
    part("flash-say").textContent = say;
    box.classList.toggle("tiny", tiny);
    box.hidden = false;
    clearTimeout(clear);
    clear = setTimeout(() => { box.hidden = true; }, 20_000);
  };
  const announce = async (all) => {
    const fresh = await claim(all);
    if (fresh.length === 0) return;
    fresh.slice(-1).forEach(flash);
    const aloud = fresh.filter(({ late }) => !late);
    if (aloud.length > 4) speak(fill(words.many, { count: aloud.length }));
    else aloud.forEach(({ say }) => speak(say));
    refresh();
  };

  // The figures anew, unless she is just writing or has a payment open.
  let due = false;
  let asking = false;
  const busy = () => [...root.querySelectorAll("[data-fresh]")].some((section) => section.querySelector("details[open]") || section.contains(document.activeElement) && document.activeElement.matches("input, select"));
  const refresh = async () => {
    due = true;
    if (asking || busy() || words.past) return;
    asking = true;
    try {
      while (due && !busy()) {
        due = false;
        const answer = await fetch("/stall", { cache: "no-store", headers: { Accept: "text/html" } });
        if (answer.redirected || !answer.ok) { location.reload(); return; }
        const next = new DOMParser().parseFromString(await answer.text(), "text/html");
        if (next.documentElement.hasAttribute("data-kept")) break;
        for (const section of root.querySelectorAll("[data-fresh]")) {
          const fresh = next.getElementById(section.id);
          if (fresh) section.replaceChildren(...fresh.childNodes);
        }
        made = Date.parse(next.querySelector("[data-stall]").dataset.made);
      }
    } catch {
      due = true;
    } finally {
      asking = false;
      showState();
    }
  };
  root.addEventListener("toggle", () => due && refresh(), true);
  root.addEventListener("focusout", () => setTimeout(() => due && refresh(), 300));

  let made = Date.parse(words.made);
  let heard = 0;
  let source = null;
  let waiting = 0;
  let missed = null;
  const kept = document.documentElement.hasAttribute("data-kept");
  const showState = () => {
    const listening = source?.readyState === EventSource.OPEN && Date.now() - heard < 40_000;
    const minutes = Math.floor((Date.now() - made) / 60_000);
    root.classList.toggle("listening", listening);
    part("state").textContent = listening ? words.listening : fill(minutes < 1 ? words.offNow : minutes < 120 ? words.off : words.offLong, { minutes, hours: Math.floor(minutes / 60) });
  };
  const listen = () => {
    clearTimeout(waiting);
    source?.close();
    const memory = load();
    source = new EventSource(`/stall/live?since=${memory?.upto ?? words.floor}`);
    missed = [];
    const alive = (event) => { heard = Date.now(); return event; };
    source.addEventListener("open", () => { missed = []; heard = Date.now(); showState(); });
    source.addEventListener("news", (event) => {
      const told = JSON.parse(alive(event).data);
      if (missed) missed.push(told);
      else announce([told]);
    });
    source.addEventListener("changed", (event) => { alive(event); if (!missed) refresh(); });
    source.addEventListener("ready", async (event) => {
      const all = missed ?? [];
      missed = null;
      await announce(alive(event) && all);
      settle(Number(event.lastEventId));
      if (kept) location.reload();
      else if (Date.now() - made > 30_000) refresh();
    });
    source.addEventListener("beat", (event) => { settle(Number(alive(event).lastEventId)); showState(); });
    source.addEventListener("error", () => {
      showState();
      // Told to go away, not just cut off: the browser will not try again by itself.
      if (source.readyState === EventSource.CLOSED) waiting = setTimeout(again, 5000);
    });
  };
  // Signed out elsewhere, or without a stall: the door says so. Only away: try again.
  const again = async () => {
    try {
      const answer = await fetch("/stall", { cache: "no-store", redirect: "manual" });
      if (answer.type === "opaqueredirect" || answer.status === 404) { await forget(); location.href = "/signin?next=/stall"; return; }
    } catch { /* no network */ }
    listen();
  };
  // After a sleep the connection may look open and be dead.
  const look = () => { if (Date.now() - heard > 40_000) listen(); showState(); };
  setInterval(look, 10_000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { look(); if (due) refresh(); } });
  addEventListener("online", () => listen());

  // At a shared phone nothing of her stays behind.
  const forget = async () => {
    source?.close();
    for (const name of Object.keys(localStorage)) if (name.startsWith("stall:")) localStorage.removeItem(name);
    if ("caches" in window) for (const name of await caches.keys()) if (name.startsWith("stall-")) await caches.delete(name);
  };
  for (const form of document.querySelectorAll('form[action="/signout"]')) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      forget().finally(() => form.submit());
    });
  }

  for (const each of root.querySelectorAll("[data-needs-script]")) each.hidden = false;
  part("plain").hidden = true;
  showSound();
  showState();
  listen();
  navigator.serviceWorker?.register("/stall/worker.js", { scope: "/stall" }).catch(() => {});
})();
