// How often the browser has shown which message: the times, where the person may
// be known, and the session's in any case, without an id. The tracker keeps the
// same for those whom it knows, on all their devices.
const kit = (window as any).ripen.kit;

const key = "ripen.shown";
const most = 32;

const attempt = (f: () => any): any => {
  try {
    return f();
  } catch {}
};

const memory: any = [{}, {}]; // where the browser keeps nothing

// 0 is for good, 1 for the session.
const read = (which: number) => (memory[which] = attempt(() => JSON.parse((which ? sessionStorage : localStorage)[key])) || memory[which]);

const write = (which: number) => {
  if (which || kit.keeps()) attempt(() => ((which ? sessionStorage : localStorage)[key] = JSON.stringify(memory[which])));
};

/** mark writes that a message was shown, or with 1 answered. */
export const mark = (m: any, answered: number): void => {
  const now = Date.now();
  const known = read(0);
  const one = (known[m.name] ||= { t: [] });
  one.c = m.cap;
  if (answered) one.a = now;
  else {
    one.t = [...one.t, now].slice(-most);
    const session = read(1);
    session[m.name] = [(session[m.name]?.[0] || 0) + 1, m.cap[2]];
    // One that waited is shown once, whatever its caps.
    if (m.id) session[m.id] = [1, 1];
    write(1);
  }
  write(0);
};

/** often returns the names of messages that were shown often enough, and the ids of those that waited. */
export const often = (): string[] => {
  const now = Date.now();
  const session = read(1);
  const known = read(0);
  const full = Object.keys(known).filter((name) => {
    const { t, a, c } = known[name];
    const [limit, per, , again] = c;
    return t.filter((at: number) => at > now - per).length >= limit || (a && (again < 0 || (again && a + again > now)));
  });
  return [...full, ...Object.keys(session).filter((name) => session[name][0] >= session[name][1])].slice(-100);
};
