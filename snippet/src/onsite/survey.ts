// The questions of a survey, one after the other.
import { el, rich, say } from "./dom";

const ripen = (window as any).ripen;

/** survey asks a message's questions in a place; done is called with the last answer. */
export const survey = (m: any, place: any, tell: any, done: () => void): void => {
  let at = 0;
  let opened = 0;
  const body: any = el("div", { class: "asks" });
  const next = (focus?: boolean) => {
    const q = m.questions[at];
    if (!q) {
      done();
      const thanks = el("div", { tabindex: "-1", class: "thanks" }, ...rich(m.thanks, () => {}));
      body.replaceChildren(thanks);
      thanks.focus();
      return;
    }
    const form = question(m, q, at);
    body.replaceChildren(form);
    form.addEventListener("input", () => opened++ || tell("survey_opened", { survey: m.name }));
    form.addEventListener("submit", (e: any) => {
      e.preventDefault();
      const answer = answerOf(q, form);
      const missing = answer === "" && !q.optional;
      form.querySelector("[role=alert]").textContent = missing ? say(m, "choose") : "";
      if (missing) return form.querySelector("input,textarea").focus();
      if (answer !== "") {
        tell("survey_answered", { survey: m.name, question: q.id, answer });
        if (q.attribute) ripen("identify", { [q.attribute]: answer });
      }
      at++;
      next(true);
    });
    if (focus) form.querySelector("legend,label").focus();
  };
  place.append(body);
  next();
};

const answerOf = (q: any, form: any): any => {
  if (q.type == "text") return form.querySelector("textarea").value.trim();
  const chosen = [...form.querySelectorAll("input:checked")].map((i: any) => i.value);
  return q.type == "score" && chosen[0] ? +chosen[0] : chosen.join(", ");
};

const question = (m: any, q: any, at: number): any => {
  const count = m.questions.length > 1 && el("span", { class: "count" }, `${at + 1} ${say(m, "of")} ${m.questions.length}`);
  const foot = el("div", { class: "foot" }, el("button", { class: "button", type: "submit" }, say(m, at + 1 < m.questions.length ? "next" : "send")), count);
  const alert = el("p", { role: "alert", class: "alert" });
  if (q.type == "text") {
    const label = el("label", { for: "text", tabindex: "-1" }, q.ask);
    return el("form", { novalidate: true }, label, el("textarea", { id: "text", rows: "3", maxlength: "2000" }), alert, foot);
  }
  const kind = q.type == "many" ? "checkbox" : "radio";
  const choices = q.choices.map((c: any) => el("label", { class: "choice" }, el("input", { type: kind, name: "q", value: c.value }), el("span", {}, c.label)));
  const ends = (q.low || q.high) && el("div", { class: "ends", "aria-hidden": "true" }, el("span", {}, q.low || ""), el("span", {}, q.high || ""));
  // What the ends of a scale mean is said with the question.
  const legend = el("legend", { tabindex: "-1" }, q.ask, ends && el("span", { class: "unseen" }, ` (${q.choices[0].label}: ${q.low || "–"}; ${q.choices[q.choices.length - 1].label}: ${q.high || "–"})`));
  return el("form", { novalidate: true }, el("fieldset", {}, legend, el("div", { class: q.type == "score" && "score" }, ...choices), ends), alert, foot);
};
