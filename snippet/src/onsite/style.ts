// How messages look: light cards that do not move for those who want no motion,
// and keep their edges where colours are forced.
export const css = `
:host{all:initial;position:static;color-scheme:light}
*{box-sizing:border-box}
[hidden]{display:none!important}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.card,.launcher{font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;color:#1c2024;z-index:2147483000;-webkit-text-size-adjust:100%}
.card{position:fixed;margin:0;padding:24px;background:#fff;border:1px solid rgba(20,30,40,.12);border-radius:16px;box-shadow:0 1px 2px rgba(20,30,40,.08),0 12px 40px rgba(20,30,40,.18);max-height:calc(100vh - 32px);max-height:calc(100dvh - 32px);overflow:auto;overscroll-behavior:contain;overflow-wrap:break-word}
.corner{left:16px;bottom:16px;width:384px;max-width:calc(100vw - 32px)}
.middle{width:480px;max-width:calc(100vw - 32px);inset:0;margin:auto;height:fit-content}
.middle::backdrop{background:rgba(15,20,25,.5)}
.banner{left:0;right:0;width:auto;border-radius:0;border-width:1px 0 0;padding:16px 64px 16px 24px;display:flex;align-items:center;justify-content:center;gap:12px 24px}
.banner.bottom{bottom:0}
.banner.top{top:0;border-width:0 0 1px}
.banner .words{max-width:70ch}
.banner h2{font-size:16px}
.banner .button{margin:0;flex:none}
h2{margin:0 32px 8px 0;font-size:19px;line-height:1.3;font-weight:650;text-wrap:balance}
.banner h2{margin:0}
p,ul{margin:0 0 8px}
ul{padding-left:20px}
.words>:last-child,.thanks>:last-child,.ours>:last-child{margin-bottom:0}
a{color:inherit;text-decoration-thickness:1px;text-underline-offset:2px}
button,input,textarea{font:inherit;color:inherit;margin:0}
button{cursor:pointer}
.button{display:inline-block;margin-top:16px;padding:10px 20px;min-height:44px;border:1px solid transparent;border-radius:10px;background:var(--accent);color:var(--on);font-weight:600;text-decoration:none;text-align:center}
.button:hover{filter:brightness(1.08)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
h2:focus,legend:focus,label:focus,.thanks:focus{outline:none}
.x{position:absolute;top:12px;right:12px;width:44px;height:44px;padding:10px;border:0;border-radius:10px;background:none;color:#5a646e}
.banner .x{top:8px}
.x:hover{background:#f0f2f4;color:#1c2024}
svg{display:block}
form{margin-top:16px}
fieldset{margin:0;padding:0;border:0;min-width:0}
legend,form>label:first-child{display:block;padding:0;margin-bottom:10px;font-weight:600}
.choice{display:flex;gap:10px;align-items:flex-start;padding:10px 12px;margin-bottom:8px;border:1px solid #cdd3d9;border-radius:10px;cursor:pointer;min-height:44px}
.choice:hover{border-color:var(--accent)}
.choice:has(:checked){border-color:var(--accent);box-shadow:inset 0 0 0 1px var(--accent)}
input[type=radio],input[type=checkbox]{accent-color:var(--accent);width:18px;height:18px;flex:none;margin-top:3px}
.score{display:flex;gap:4px}
.score .choice{flex:1;justify-content:center;padding:9px 0;margin:0;min-width:0;position:relative}
.score input{position:absolute;inset:0;opacity:0;width:100%;height:100%;margin:0;cursor:pointer}
.score .choice:has(:checked){background:var(--accent);color:var(--on)}
.score .choice:has(:focus-visible){outline:3px solid var(--accent);outline-offset:2px}
.ends{display:flex;justify-content:space-between;font-size:14px;color:#5a646e;margin-top:6px}
textarea,input[type=email]{display:block;width:100%;padding:10px 12px;border:1px solid #8d969f;border-radius:10px;background:#fff;resize:vertical}
.alert{margin:8px 0 0;color:#a3160e;font-size:15px}
.alert:empty{display:none}
.foot{display:flex;align-items:center;justify-content:space-between;gap:16px;margin-top:16px}
.foot .button{margin:0}
.count{font-size:14px;color:#5a646e}
.launcher{position:fixed;right:16px;bottom:calc(16px + var(--lift,0px));width:56px;height:56px;padding:15px;border:1px solid transparent;border-radius:28px;background:var(--accent);color:var(--on);box-shadow:0 6px 20px rgba(20,30,40,.28)}
.launcher:hover{filter:brightness(1.08)}
.chat{right:16px;bottom:84px;width:376px;max-width:calc(100vw - 32px);max-height:min(620px,calc(100dvh - 108px));padding:0;display:flex;flex-direction:column;overflow:hidden}
.chat h2{margin:0;padding:16px 60px 16px 20px;background:var(--accent);color:var(--on);font-size:17px}
.chat .x{top:7px;right:8px;color:var(--on)}
.chat .x:hover{background:rgba(128,128,128,.3)}
.chat .x:focus-visible{outline-color:var(--on);outline-offset:-4px}
.log{flex:1;min-height:120px;overflow:auto;padding:16px 20px 4px;overscroll-behavior:contain}
.log:focus-visible{outline-offset:-3px}
.ours,.theirs{width:fit-content;max-width:85%;padding:10px 14px;margin-bottom:10px;border-radius:14px;border:1px solid transparent}
.ours{background:#f0f2f4;border-bottom-left-radius:4px}
.theirs{margin-left:auto;background:var(--accent);color:var(--on);border-bottom-right-radius:4px;white-space:pre-wrap}
.turn{padding:8px 20px 20px;overflow:auto;max-height:60%}
.turn:empty{padding:4px}
.turn form{margin:0}
.turn .choice{margin:10px 0 0;border:0;padding:0;font-size:15px;min-height:0}
.turn .choice:has(:checked){box-shadow:none}
.turn .button{margin-top:10px;width:100%}
.ways{display:flex;flex-wrap:wrap;gap:8px;justify-content:flex-end}
.ways button{padding:9px 16px;min-height:44px;border:1px solid var(--accent);border-radius:22px;background:#fff;font-weight:550;text-align:left}
.ways button:hover{background:#f0f2f4}
@media (max-width:560px){
.corner{right:16px;width:auto}
.banner{flex-direction:column;align-items:stretch;padding:16px 20px}
.banner h2{margin-right:44px}
.card.chat{left:8px;right:8px;bottom:80px;width:auto;max-width:none}
.score .choice{font-size:15px}
}
@media (prefers-reduced-motion:no-preference){
.card:not([hidden]){animation:in .24s cubic-bezier(.2,.8,.2,1)}
@keyframes in{from{opacity:0;transform:translateY(12px)}}
}
@media print{.card,.launcher{display:none!important}}
`;
