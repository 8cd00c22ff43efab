// The counting sheet on a phone: every tap is kept at once, and finished tallies wait here until the server has them.
(() => {
  const sheet = document.querySelector("[data-counting]");
  const plain = document.querySelector("[data-plain]");
  const mine = document.querySelector("[data-mine]");
  if (!sheet || !plain) return;
  const words = sheet.dataset;
  const part = (name) => sheet.querySelector(`[data-${name}]`);
  const stall = part("stall");
  const key = (name) => `counting:${words.market}:${name}`;
  const load = (name, otherwise) => JSON.parse(localStorage.getItem(key(name)) ?? "null") ?? otherwise;
  const keep = (name, value) => localStorage.setItem(key(name), JSON.stringify(value));

  const newId = () => {
    if (crypto.randomUUID) return crypto.randomUUID();
    // Plain http has no randomUUID: RFC 9562, version 4, by hand.
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  };
  const today = () => new Date(Date.now() + 7 * 3600_000).toISOString().slice(0, 10);
  const begin = () => ({ id: newId(), stall: stall.value.trim(), day: today(), taps: [] });

  let current = load("current", null) ?? begin();
  let token = plain.elements.token.value;
  let trouble = "";

  const fill = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const show = () => {
    for (const kind of ["cashless", "cash"]) {
      sheet.querySelector(`[data-count=${kind}]`).textContent = current.taps.filter((tap) => tap === kind).length;
    }
    part("undo").disabled = part("finish").disabled = current.taps.length === 0;
    const waiting = load("queue", []).length;
    const last = load("last", null);
    part("said").textContent = [
      last && fill(words.taken, last),
      waiting ? fill(words.waiting, { count: waiting }) : last && words.allSent,
      waiting ? trouble : "",
    ].filter(Boolean).join(" ");
    part("refusals").replaceChildren(
      ...load("refused", []).map((each) => {
        const item = document.createElement("li");
        item.textContent = fill(words.refused, each);
        return item;
      }),
    );
  };

  const readPage = async () => {
    const answer = await fetch(words.page, { cache: "no-store" });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const field = fresh.querySelector("[data-plain] [name=token]");
    if (!field) return false;
    token = field.value;
    mine.replaceChildren(...fresh.querySelector("[data-mine]").childNodes);
    return true;
  };
  const post = ({ id, stall, day, cashless, cash }) =>
    fetch(plain.action, {
      method: "POST",
      headers: { "X-Form-Token": token },
      body: new URLSearchParams({ sent_id: id, stall, day, cashless, cash }),
    });

  // The first of the queue leaves it only when the server has said yes, or a no that will stay one.
  const sendFirst = async (tally) => {
    let answer = await post(tally);
    if (answer.status === 403 && (await readPage())) answer = await post(tally);
    if (answer.status === 422) {
      const said = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".error");
      keep("refused", [...load("refused", []), { ...tally, reason: said?.textContent.trim() ?? "" }].slice(-20));
    } else if (!answer.ok) {
      trouble = answer.status < 500 ? words.signedOut : words.noNetwork;
      return false;
    }
    keep("queue", load("queue", []).filter((each) => each.id !== tally.id));
    return true;
  };
  const send = async () => {
    let sent = 0;
    try {
      for (let first = load("queue", [])[0]; first; first = load("queue", [])[0]) {
        if (!(await sendFirst(first))) break;
        trouble = "";
        sent += 1;
      }
      if (sent) await readPage(); // with what has arrived, to be mended there
    } catch {
      trouble = words.noNetwork;
    }
    show();
  };
  const sendAlone = () => (navigator.locks ? navigator.locks.request(key("send"), send) : send());

  sheet.addEventListener("click", (event) => {
    const pad = event.target.closest("[data-tap]");
    if (!pad) return;
    if (!stall.value.trim()) {
      part("said").textContent = words.nameStall;
      stall.focus();
      return;
    }
    if (current.taps.length === 0) current = begin();
    current.taps.push(pad.dataset.tap);
    keep("current", current);
    navigator.vibrate?.(15);
    show();
  });
  part("undo").addEventListener("click", () => {
    current.taps.pop();
    keep("current", current);
    show();
  });
  part("finish").addEventListener("click", () => {
    const count = (kind) => current.taps.filter((tap) => tap === kind).length;
    const done = { id: current.id, stall: stall.value.trim(), day: current.day, cashless: count("cashless"), cash: count("cash") };
    keep("queue", [...load("queue", []), done]);
    keep("last", { stall: done.stall, count: done.cashless + done.cash });
    stall.value = "";
    current = begin();
    keep("current", current);
    show();
    sendAlone();
  });
  stall.addEventListener("input", () => {
    current.stall = stall.value;
    keep("current", current);
  });

  stall.value = current.stall;
  plain.hidden = true;
  document.querySelector("[data-plain-done]")?.remove();
  sheet.hidden = false;
  show();
  sendAlone();
  addEventListener("online", sendAlone);
  setInterval(() => load("queue", []).length && sendAlone(), 20_000);
  navigator.serviceWorker?.register("/field/worker.js").catch(() => {});
})();
