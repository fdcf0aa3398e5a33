(()=>{var G=`
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
`;var ue=window.ripen.kit,K=document,he={en:{close:"Close",next:"Next",send:"Send",answer:"Your answer",email:"Your e-mail",choose:"Choose an answer",of:"of",you:"You"},es:{close:"Cerrar",next:"Siguiente",send:"Enviar",answer:"Tu respuesta",email:"Tu correo",choose:"Elige una respuesta",of:"de",you:"Tú"}},g=(e,t)=>he[e.lang][t],a=(e,t={},...n)=>{let s=K.createElement(e);for(let i in t){let r=t[i];i[0]=="o"&&i[1]=="n"?s.addEventListener(i.slice(2),r):r!=null&&r!==!1&&s.setAttribute(i,r===!0?"":r)}return s.append(...n.filter(i=>i)),s},C=e=>{let t=(s,i)=>{let r=K.createElementNS("http://www.w3.org/2000/svg",s);for(let o in i)r.setAttribute(o,i[o]);return r},n=t("svg",{viewBox:"0 0 24 24",width:"24",height:"24","aria-hidden":"true",focusable:"false"});return n.append(t("path",{d:e,fill:"none",stroke:"currentColor","stroke-width":"2","stroke-linecap":"round","stroke-linejoin":"round"})),n},fe=e=>{try{return/^https?:$/.test(new URL(e,location.href).protocol)}catch{}},L=(e,t)=>{let n=[],s;for(let i of e||[]){let r=a(i.li?"li":"p");for(let o of i.c)r.append(o.h&&fe(o.h)?a("a",{href:o.h,onclick:()=>t(o.h)},o.t):o.b?a("strong",{},o.t):o.i?a("em",{},o.t):o.t);i.li?s||n.push(s=a("ul")):s=0,i.li?s.append(r):n.push(r)}return n},A=e=>{let t=a("ripen-onsite",{lang:e.lang}),n=t.attachShadow({mode:"closed"}),[s,i]=e.accent.map(o=>/^#[\da-f]{6}$/i.test(o)?o:"#000000"),r=`:host{--accent:${s};--on:${i}}${G}`;try{let o=new CSSStyleSheet;o.replaceSync(r),n.adoptedStyleSheets=[o]}catch{let o=a("style",{},r);o.nonce=ue.nonce,n.append(o)}return K.body.append(t),{root:n,end:()=>t.remove()}},Q=(e,t)=>{let n;return e.addEventListener("focusin",s=>{s.relatedTarget&&!t.contains(s.relatedTarget)&&(n=s.relatedTarget)}),()=>t.activeElement&&n?.isConnected&&n.focus()},M=(e,t)=>e.addEventListener("keydown",n=>{n.key=="Escape"&&!n.defaultPrevented&&(n.preventDefault(),n.stopPropagation(),t())});var xe=window.ripen,V=(e,t,n,s)=>{let i=0,r=0,o=a("div",{class:"asks"}),p=f=>{let c=e.questions[i];if(!c){s();let x=a("div",{tabindex:"-1",class:"thanks"},...L(e.thanks,()=>{}));o.replaceChildren(x),x.focus();return}let u=be(e,c,i);o.replaceChildren(u),u.addEventListener("input",()=>r++||n("survey_opened",{survey:e.name})),u.addEventListener("submit",x=>{x.preventDefault();let m=ge(c,u),k=m===""&&!c.optional;if(u.querySelector("[role=alert]").textContent=k?g(e,"choose"):"",k)return u.querySelector("input,textarea").focus();m!==""&&(n("survey_answered",{survey:e.name,question:c.id,answer:m}),c.attribute&&xe("identify",{[c.attribute]:m})),i++,p(!0)}),f&&u.querySelector("legend,label").focus()};t.append(o),p()},ge=(e,t)=>{if(e.type=="text")return t.querySelector("textarea").value.trim();let n=[...t.querySelectorAll("input:checked")].map(s=>s.value);return e.type=="score"&&n[0]?+n[0]:n.join(", ")},be=(e,t,n)=>{let s=e.questions.length>1&&a("span",{class:"count"},`${n+1} ${g(e,"of")} ${e.questions.length}`),i=a("div",{class:"foot"},a("button",{class:"button",type:"submit"},g(e,n+1<e.questions.length?"next":"send")),s),r=a("p",{role:"alert",class:"alert"});if(t.type=="text"){let u=a("label",{for:"text",tabindex:"-1"},t.ask);return a("form",{novalidate:!0},u,a("textarea",{id:"text",rows:"3",maxlength:"2000"}),r,i)}let o=t.type=="many"?"checkbox":"radio",p=t.choices.map(u=>a("label",{class:"choice"},a("input",{type:o,name:"q",value:u.value}),a("span",{},u.label))),f=(t.low||t.high)&&a("div",{class:"ends","aria-hidden":"true"},a("span",{},t.low||""),a("span",{},t.high||"")),c=a("legend",{tabindex:"-1"},t.ask,f&&a("span",{class:"unseen"},` (${t.choices[0].label}: ${t.low||"–"}; ${t.choices[t.choices.length-1].label}: ${t.high||"–"})`));return a("form",{novalidate:!0},a("fieldset",{},c,a("div",{class:t.type=="score"&&"score"},...p),f),r,i)};var ye="M6 6l12 12M18 6L6 18",X=(e,t,n)=>{let{root:s,end:i}=A(e),r=e.place=="middle",o=!1,p=(y,$)=>{o=!0,t(y,$)},f=y=>p("onsite_clicked",{link:y}),c=a(r?"dialog":e.kind=="survey"?"section":"aside",{class:`card ${e.kind} ${e.place}`,role:!r&&e.kind=="survey"&&"dialog","aria-labelledby":"title"}),u=Q(c,s),x=()=>{o||t("onsite_closed"),r?c.close():u(),i(),n()},m=a("h2",{id:"title",tabindex:"-1",autofocus:r},e.title),k=a("div",{class:"words"},m,...L(e.body,f)),_=e.button&&a("a",{class:"button",href:e.button.href,onclick:()=>f(e.button.href)},e.button.label),O=a("button",{class:"x",type:"button","aria-label":g(e,"close"),onclick:x},C(ye));c.append(k),e.kind=="survey"?V(e,k,t,()=>o=!0):_&&c.append(_),c.append(O);let S=a("div",{role:"status",class:"unseen"});return s.append(c,S),r?(c.addEventListener("cancel",y=>(y.preventDefault(),x())),c.addEventListener("click",y=>y.target==c&&x()),c.showModal()):(M(c,x),setTimeout(()=>S.textContent=e.title,100)),{high:e.place=="bottom"||e.place=="corner"&&innerWidth<=560?c.offsetHeight+(e.place=="corner"?16:0):0}};var J=window.ripen,me=J.kit,ve="M21 12a8 8 0 0 1-8 8H4l2-3a8 8 0 1 1 15-5z",we="M6 6l12 12M18 6L6 18",Y="ripen.chat",ke=400,H=e=>{try{return e()}catch{}},Z=(e,t)=>{let{root:n,end:s}=A(e),i=a("div",{class:"log",role:"log","aria-live":"polite","aria-label":e.title,tabindex:"0"}),r=a("div",{class:"turn"}),o=a("button",{class:"x",type:"button","aria-label":g(e,"close"),onclick:()=>N()},C(we)),p=a("section",{class:"card chat",role:"dialog","aria-labelledby":"title",id:"panel",hidden:!0},a("h2",{id:"title"},e.title),o,i,r),f=a("button",{class:"launcher",type:"button","aria-haspopup":"dialog","aria-expanded":"false","aria-controls":"panel","aria-label":e.title,onclick:()=>p.hidden?S(!0):N()},C(ve));n.append(f,p);let c=0,u=0,x=0,m,k=l=>H(()=>sessionStorage[Y]=JSON.stringify({n:e.name,s:l})),_=()=>c++||t("chat_opened",{chat:e.name}),O=()=>(r.querySelector("button,input,textarea")||i).focus({preventScroll:!0}),S=(l,d)=>{p.hidden=!1,f.setAttribute("aria-expanded","true"),u++||$(d||e.steps[0].id,d),l&&(_(),O())},N=()=>{let l=n.activeElement&&p.contains(n.activeElement);p.hidden=!0,f.setAttribute("aria-expanded","false"),x||t("onsite_closed"),H(()=>sessionStorage.removeItem(Y)),l&&f.focus()};M(p,N);let y=(l,...d)=>{i.append(a("div",{class:l?"ours":"theirs"},!l&&a("span",{class:"unseen"},g(e,"you")+": "),...d)),i.scrollTop=i.scrollHeight},$=(l,d)=>{let h=e.steps.find(v=>v.id==l);if(r.replaceChildren(),!h)return H(()=>sessionStorage.removeItem(Y));k(h.id),y(!0,...L(h.say,v=>t("onsite_clicked",{link:v}))),h.handoff&&!d&&t("chat_handoff",{chat:e.name,step:h.id,queue:h.handoff});let j=c&&!!n.activeElement;h.choices?r.append(de(h)):h.ask?r.append(pe(h)):h.go&&(m=setTimeout(()=>$(h.go),ke)),j&&O()},R=(l,d,h,j,v)=>{_(),x=1,t(l,{chat:e.name,step:d.id,...h});let q=h.answer||h.text;d.attribute&&q&&J("identify",{[d.attribute]:q}),y(!1,j),i.focus({preventScroll:!0}),$(v)},de=l=>a("div",{class:"ways",role:"group","aria-label":g(e,"choose")},...l.choices.map(d=>a("button",{type:"button",onclick:()=>R("chat_answered",l,{answer:d.value},d.label,d.go)},d.label))),pe=l=>{let d=l.ask=="email",h=a(d?"input":"textarea",d?{id:"say",type:"email",required:!0,autocomplete:"email",maxlength:"200"}:{id:"say",rows:"2",required:!0,maxlength:"2000"}),j=d&&a("label",{class:"choice"},a("input",{type:"checkbox",required:!0}),a("span",{},l.optin)),v=a("form",{},a("label",{for:"say",class:d?"":"unseen"},g(e,d?"email":"answer")),h,j,a("button",{class:"button",type:"submit"},g(e,"send"))),q=E=>{E.preventDefault();let z=h.value.trim();if(!z)return;if(!d)return R("chat_message",l,{text:z},z,l.go);let I=me.said();l.grants&&I!="granted"&&J("consent",{...typeof I=="object"?I:{},marketing:"granted"}),J("identify",{email:z}),R("chat_answered",l,{answer:"email"},z,l.go)};return v.addEventListener("submit",q),d||h.addEventListener("keydown",E=>E.key=="Enter"&&!E.shiftKey&&!E.isComposing&&(E.preventDefault(),v.requestSubmit())),v},F=H(()=>JSON.parse(sessionStorage[Y]));return F?.n==e.name&&(e.quiet=!0,S(!1,F.s)),{name:e.name,offer:()=>{p.hidden&&(t("onsite_shown"),S())},lift:l=>n.host.style.setProperty("--lift",l+"px"),end:()=>{clearTimeout(m),s()}}};var Se=window.ripen.kit,te="ripen.shown",Ee=32,ne=e=>{try{return e()}catch{}},U=[{},{}],P=e=>U[e]=ne(()=>JSON.parse((e?sessionStorage:localStorage)[te]))||U[e],ee=e=>{(e||Se.keeps())&&ne(()=>(e?sessionStorage:localStorage)[te]=JSON.stringify(U[e]))},B=(e,t)=>{var r;let n=Date.now(),s=P(0),i=s[r=e.name]||(s[r]={t:[]});if(i.c=e.cap,t)i.a=n;else{i.t=[...i.t,n].slice(-Ee);let o=P(1);o[e.name]=[(o[e.name]?.[0]||0)+1,e.cap[2]],e.id&&(o[e.id]=[1,1]),ee(1)}ee(0)},oe=()=>{let e=Date.now(),t=P(1),n=P(0);return[...Object.keys(n).filter(i=>{let{t:r,a:o,c:p}=n[i],[f,c,,u]=p;return r.filter(x=>x>e-c).length>=f||o&&(u<0||u&&o+u>e)}),...Object.keys(t).filter(i=>t[i][0]>=t[i][1])].slice(-100)};var re=window.ripen,w=re.kit,D=document,Le=2e4,ce=[],T,b,ae=0,W="",ie=(e,t)=>{let n=[],s=(o,p,f)=>{o.addEventListener(p,f,{passive:!0}),n.push(()=>o.removeEventListener(p,f))},i=()=>n.splice(0).map(o=>o()),r=()=>{i(),D.visibilityState=="hidden"?s(D,"visibilitychange",r):t()};if(e.after){let o=setTimeout(r,e.after);n.push(()=>clearTimeout(o))}if(e.scroll){let o=()=>{let{scrollHeight:p,clientHeight:f}=D.documentElement;(scrollY+f+1)/p>=e.scroll/100&&r()};s(window,"scroll",o),o()}e.exit&&s(D,"mouseout",o=>o.relatedTarget||o.clientY>0||r()),!e.after&&!e.scroll&&!e.exit&&r(),ce.push(i)},Te=e=>{let t=e.id||w.uuid();return(n,s)=>{w.note(n,{message:t,template:e.template,...s}),n=="onsite_shown"&&B(e,0),/_(clicked|answered|message)$/.test(n)&&B(e,1)}},le=e=>{let t=Te(e);e.kind=="chat"?((b?.name!=e.name||e.id)&&(b?.end(),b=Z(e,t),b.lift(T?.high||0)),e.quiet||ie(e,b.offer)):T||ie(e,()=>{T||(t("onsite_shown"),T=X(e,t,()=>{T=0,b?.lift(0)}),b?.lift(T.high))})},se=async()=>{if(W==location.href&&Date.now()-ae<Le)return;let e=W=location.href;ae=Date.now();let t=JSON.stringify({writeKey:w.key,visitor:w.id(),consent:w.said(),path:location.pathname,language:D.documentElement.lang||navigator.language,skip:oe()}),n=await fetch(w.url,{method:"POST",body:t,credentials:"include"}).catch(()=>0),s=n&&n.ok?(await n.json().catch(()=>0))?.messages:0;!s||e!=W||(ce.splice(0).map(i=>i()),b&&!s.some(i=>i.name==b.name)&&(b.end(),b=0),s.map(le))};w.messages?w.messages.map(le):(re.show=se,se());})();
