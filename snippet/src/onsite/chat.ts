// The automatic chat: a button, and behind it a conversation.
import { el, icon, onEscape, rich, say, stage } from "./dom";

const ripen = (window as any).ripen;
const kit = ripen.kit;
const bubble = "M21 12a8 8 0 0 1-8 8H4l2-3a8 8 0 1 1 15-5z";
const cross = "M6 6l12 12M18 6L6 18";
const key = "ripen.chat"; // the step of a conversation under way, in this tab
const pause = 400; // ms between two of our own messages

const attempt = (f: () => any): any => {
  try {
    return f();
  } catch {}
};

/** chat puts a chat into the page; offer opens it without the person. */
export const chat = (m: any, tell: any): any => {
  const { root, end } = stage(m);
  const log = el("div", { class: "log", role: "log", "aria-live": "polite", "aria-label": m.title, tabindex: "0" });
  const turn = el("div", { class: "turn" });
  const x = el("button", { class: "x", type: "button", "aria-label": say(m, "close"), onclick: () => hide() }, icon(cross));
  const panel = el("section", { class: "card chat", role: "dialog", "aria-labelledby": "title", id: "panel", hidden: true }, el("h2", { id: "title" }, m.title), x, log, turn);
  const launcher = el("button", { class: "launcher", type: "button", "aria-haspopup": "dialog", "aria-expanded": "false", "aria-controls": "panel", "aria-label": m.title, onclick: () => (panel.hidden ? reveal(true) : hide()) }, icon(bubble));
  root.append(launcher, panel);
  let opened = 0; // by the person
  let begun = 0;
  let talked = 0;
  let timer: any;

  const keep = (step: string) => attempt(() => (sessionStorage[key] = JSON.stringify({ n: m.name, s: step })));
  const open = () => opened++ || tell("chat_opened", { chat: m.name });
  const focus = () => (turn.querySelector("button,input,textarea") || log).focus({ preventScroll: true });
  const reveal = (byPerson?: boolean, step?: string) => {
    panel.hidden = false;
    launcher.setAttribute("aria-expanded", "true");
    if (!begun++) goTo(step || m.steps[0].id, step);
    if (byPerson) (open(), focus());
  };
  const hide = () => {
    const inside = root.activeElement && panel.contains(root.activeElement);
    panel.hidden = true;
    launcher.setAttribute("aria-expanded", "false");
    talked || tell("onsite_closed");
    attempt(() => sessionStorage.removeItem(key));
    if (inside) launcher.focus();
  };
  onEscape(panel, hide);

  const add = (ours: boolean, ...kids: any[]) => {
    log.append(el("div", { class: ours ? "ours" : "theirs" }, !ours && el("span", { class: "unseen" }, say(m, "you") + ": "), ...kids));
    log.scrollTop = log.scrollHeight;
  };
  const goTo = (id?: string, again?: string) => {
    const step = m.steps.find((s: any) => s.id == id);
    turn.replaceChildren();
    if (!step) return attempt(() => sessionStorage.removeItem(key));
    keep(step.id);
    add(true, ...rich(step.say, (link) => tell("onsite_clicked", { link })));
    if (step.handoff && !again) tell("chat_handoff", { chat: m.name, step: step.id, queue: step.handoff });
    // The focus goes along with who is in the conversation already.
    const goes = opened && !!root.activeElement;
    if (step.choices) turn.append(choices(step));
    else if (step.ask) turn.append(form(step));
    else if (step.go) timer = setTimeout(() => goTo(step.go), pause);
    if (goes) focus();
  };
  const answer = (event: string, step: any, more: any, words: string, go: string) => {
    open();
    talked = 1;
    tell(event, { chat: m.name, step: step.id, ...more });
    const value = more.answer || more.text;
    if (step.attribute && value) ripen("identify", { [step.attribute]: value });
    add(false, words);
    log.focus({ preventScroll: true });
    goTo(go);
  };
  const choices = (step: any) =>
    el("div", { class: "ways", role: "group", "aria-label": say(m, "choose") }, ...step.choices.map((c: any) => el("button", { type: "button", onclick: () => answer("chat_answered", step, { answer: c.value }, c.label, c.go) }, c.label)));
  const form = (step: any) => {
    const mail = step.ask == "email";
    const input = el(mail ? "input" : "textarea", mail ? { id: "say", type: "email", required: true, autocomplete: "email", maxlength: "200" } : { id: "say", rows: "2", required: true, maxlength: "2000" });
    const yes = mail && el("label", { class: "choice" }, el("input", { type: "checkbox", required: true }), el("span", {}, step.optin));
    const out = el("form", {}, el("label", { for: "say", class: mail ? "" : "unseen" }, say(m, mail ? "email" : "answer")), input, yes, el("button", { class: "button", type: "submit" }, say(m, "send")));
    const submit = (e: any) => {
      e.preventDefault();
      const value = input.value.trim();
      if (!value) return;
      if (!mail) return answer("chat_message", step, { text: value }, value, step.go);
      // The tick is the person's own: what it grants is theirs to say.
      const said = kit.said();
      if (step.grants && said != "granted") ripen("consent", { ...(typeof said == "object" ? said : {}), marketing: "granted" });
      ripen("identify", { email: value });
      answer("chat_answered", step, { answer: "email" }, value, step.go);
    };
    out.addEventListener("submit", submit);
    // Enter sends, as people expect of a chat; with Shift it is a new line.
    if (!mail) input.addEventListener("keydown", (e: any) => e.key == "Enter" && !e.shiftKey && !e.isComposing && (e.preventDefault(), out.requestSubmit()));
    return out;
  };

  const kept = attempt(() => JSON.parse(sessionStorage[key]));
  if (kept?.n == m.name) {
    m.quiet = true; // it is open already
    reveal(false, kept.s);
  }
  return {
    name: m.name,
    offer: () => {
      if (!panel.hidden) return;
      tell("onsite_shown");
      reveal();
    },
    lift: (px: number) => (root.host as any).style.setProperty("--lift", px + "px"),
    end: () => {
      clearTimeout(timer);
      end();
    },
  };
};
