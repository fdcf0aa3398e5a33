// Banners, boxes and surveys.
import { el, icon, onEscape, returning, rich, say, stage } from "./dom";
import { survey } from "./survey";

const cross = "M6 6l12 12M18 6L6 18";

/** card shows a message and calls gone when it is closed. */
export const card = (m: any, tell: any, gone: () => void): any => {
  const { root, end } = stage(m);
  const modal = m.place == "middle";
  let answered = false;
  const answer = (event: string, more: object) => {
    answered = true;
    tell(event, more);
  };
  const click = (link: string) => answer("onsite_clicked", { link });
  // What is in the middle is a modal dialog: the browser keeps the focus in it
  // and gives it back. Elsewhere the page goes on beside it.
  const box = el(modal ? "dialog" : m.kind == "survey" ? "section" : "aside", {
    class: `card ${m.kind} ${m.place}`,
    role: !modal && m.kind == "survey" && "dialog",
    "aria-labelledby": "title",
  });
  const back = returning(box, root);
  const close = () => {
    answered || tell("onsite_closed");
    if (modal) box.close();
    else back();
    end();
    gone();
  };
  const title = el("h2", { id: "title", tabindex: "-1", autofocus: modal }, m.title);
  const words = el("div", { class: "words" }, title, ...rich(m.body, click));
  const button = m.button && el("a", { class: "button", href: m.button.href, onclick: () => click(m.button.href) }, m.button.label);
  const x = el("button", { class: "x", type: "button", "aria-label": say(m, "close"), onclick: close }, icon(cross));
  box.append(words);
  if (m.kind == "survey") survey(m, words, tell, () => (answered = true));
  else if (button) box.append(button);
  box.append(x);
  // It says that it is there, without taking the focus.
  const status = el("div", { role: "status", class: "unseen" });
  root.append(box, status);
  if (modal) {
    box.addEventListener("cancel", (e: any) => (e.preventDefault(), close()));
    box.addEventListener("click", (e: any) => e.target == box && close());
    box.showModal();
  } else {
    onEscape(box, close);
    setTimeout(() => (status.textContent = m.title), 100);
  }
  // How much room it takes at the lower right, where a chat's button is.
  const low = m.place == "bottom" || (m.place == "corner" && innerWidth <= 560);
  return { high: low ? box.offsetHeight + (m.place == "corner" ? 16 : 0) : 0 };
};
