// The second file: messages that the tracker has chosen for this page. The first
// file loads it when the tracker says that there are any, and gives it what it
// needs as ripen.kit. What people do with a message is told like any other event.
import { card } from "./onsite/card";
import { chat } from "./onsite/chat";
import { mark, often } from "./onsite/caps";

const ripen = (window as any).ripen;
const kit = ripen.kit;
const doc = document;

const againAfter = 2e4; // ms until the same page may ask again: the score may have moved

let plans: any[] = []; // what waits for its moment, each a call that ends the waiting
let open: any; // the message in view, chats aside
let talk: any; // the chat on the page
let asked = 0;
let page = "";

/** plan shows a message at its moment: the first of its triggers, or at once. */
const plan = (m: any, show: () => void) => {
  const ends: any[] = [];
  const on = (target: any, name: string, f: any) => {
    target.addEventListener(name, f, { passive: true });
    ends.push(() => target.removeEventListener(name, f));
  };
  const end = () => ends.splice(0).map((f) => f());
  const go = () => {
    end();
    // What nobody can see is not shown.
    if (doc.visibilityState == "hidden") on(doc, "visibilitychange", go);
    else show();
  };
  if (m.after) {
    const timer = setTimeout(go, m.after);
    ends.push(() => clearTimeout(timer));
  }
  if (m.scroll) {
    const look = () => {
      const { scrollHeight, clientHeight } = doc.documentElement;
      if ((scrollY + clientHeight + 1) / scrollHeight >= m.scroll / 100) go();
    };
    on(window, "scroll", look);
    look();
  }
  if (m.exit) on(doc, "mouseout", (e: any) => e.relatedTarget || e.clientY > 0 || go());
  if (!m.after && !m.scroll && !m.exit) go();
  plans.push(end);
};

/** teller returns what makes an event of what happens to a message. */
const teller = (m: any) => {
  const message = m.id || kit.uuid();
  return (event: string, more?: object) => {
    kit.note(event, { message, template: m.template, ...more });
    if (event == "onsite_shown") mark(m, 0);
    if (/_(clicked|answered|message)$/.test(event)) mark(m, 1);
  };
};

const show = (m: any) => {
  const tell = teller(m);
  if (m.kind == "chat") {
    if (talk?.name != m.name || m.id) {
      talk?.end();
      talk = chat(m, tell);
      talk.lift(open?.high || 0);
    }
    m.quiet || plan(m, talk.offer);
  } else if (!open)
    plan(m, () => {
      if (open) return;
      tell("onsite_shown");
      open = card(m, tell, () => {
        open = 0;
        talk?.lift(0);
      });
      talk?.lift(open.high);
    });
};

const ask = async () => {
  if (page == location.href && Date.now() - asked < againAfter) return;
  const here = (page = location.href);
  asked = Date.now();
  const body = JSON.stringify({
    writeKey: kit.key,
    visitor: kit.id(),
    consent: kit.said(),
    path: location.pathname,
    language: doc.documentElement.lang || navigator.language,
    skip: often(),
  });
  // A string body goes as text/plain: no preflight, in any browser.
  const r = await fetch(kit.url, { method: "POST", body, credentials: "include" }).catch(() => 0 as any);
  const list = r && r.ok ? (await r.json().catch(() => 0))?.messages : 0;
  if (!list || here != page) return;
  plans.splice(0).map((end) => end());
  if (talk && !list.some((m: any) => m.name == talk.name)) {
    talk.end();
    talk = 0;
  }
  list.map(show);
};

if (kit.messages) kit.messages.map(show); // a preview
else {
  ripen.show = ask;
  ask();
}
