package storage

// packDictionary is dictionary 1 of the format, at most 4096 bytes, never
// changed. It holds what personal parts of web events are made of: field names
// in the row codec's framing, agents, hosts, common words of queries and mail.
const packDictionary = "" +
	"\x05\x05\x05agentoMozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36" +
	" Edg/131.0.0.0 OPR/116.0.0.0" +
	"\x05\x05\x05agentuMozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/" +
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15" +
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:132.0) Gecko/20100101 Firefox/132.0" +
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0" +
	"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/ Ubuntu; Linux x86_64; rv:" +
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1.1 Mobile/15E148 Safari/604.1" +
	"Mozilla/5.0 (iPad; CPU OS 17_6_1 like Mac OS X) GSA/344.0.695551749 CriOS/131.0.6778.73 FxiOS/" +
	"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36 SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36" +
	"Mozilla/5.0 (Linux; Android 14; SM-S918B; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/131.0.6778.39 Mobile Safari/537.36 Pixel 8 Pro Build/UP1A.231005.007 " +
	"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html) bingbot/2.0; +http://www.bing.com/bingbot.htm) AhrefsBot/7.0; +http://ahrefs.com/robot/) " +
	"[FBAN/FBIOS;FBAV/ Instagram 350.0.0. WhatsApp/2. curl/8. python-requests/2.32 Go-http-client/2.0 " +
	"\x05\x05\x02ip\x03\x05\x0apage.title\x03\x05\x08page.url\x03\x05\x0dpage.referrer\x03\x05\x0bpage.search\x03\x05\x09page.path/" +
	"\x03\x05\x06locale\x05en-US\x03\x05\x08timezone\x0dEurope/Madrid Europe/Berlin Europe/London Europe/Paris America/New_York America/Los_Angeles America/Mexico_City Asia/Kolkata es-ES en-GB de-DE fr-FR" +
	"\x03\x05\x09userAgent\x03\x03\x0cscreen.width\x03\x03\x0dscreen.height\x03\x05\x0clibrary.name\x05ripen\x03\x05\x0flibrary.version\x051.0.0" +
	"\x03\x05\x0fcampaign.source\x06google\x03\x05\x0fcampaign.medium\x03cpc\x03\x05\x0dcampaign.name\x03\x05\x0dcampaign.term\x03\x05\x10campaign.content newsletter email organic social referral" +
	"\x05\x05\x07visitor\x05\x05\x07user_id\x05\x05\x05email\x02\x05\x05email\x02\x05\x09firstName\x02\x05\x08lastName\x02\x05\x04name\x02\x05\x05phone\x02\x05\x07company\x02\x05\x0ccompany.name\x02\x05\x05title\x02\x05\x08position" +
	"\x02\x05\x07country\x02\x05\x0caddress.city\x02\x05\x0faddress.country\x02\x05\x0faddress.street address.postalCode address.state\x02\x05\x07website\x02\x03\x09employees\x02\x05\x08industry\x02\x05\x04plan\x02\x05\x06avatar\x02\x05\x09createdAt" +
	"\x01\x05\x05title\x01\x05\x03url\x01\x05\x08referrer\x01\x05\x06search\x01\x05\x04path\x01\x05\x04form\x01\x05\x04file\x01\x05\x07message\x01\x05\x04text\x01\x05\x04name\x01\x05\x05query\x01\x05\x05label\x01\x05\x08category\x01\x05\x07content\x01\x05\x08currency\x03EUR\x03USD" +
	"\x01\x05\x07subject\x01\x05\x04link\x01\x05\x05phone\x01\x05\x07company\x01\x05\x05email" +
	"https://www.google.com/https://www.bing.com/https://duckduckgo.com/https://www.facebook.com/https://t.co/https://www.linkedin.com/https://www.youtube.com/https://out.reddit.com/https://github.com/https://www.instagram.com/" +
	"?utm_source=google&utm_medium=cpc&utm_campaign=&utm_content=&utm_term=&gclid=&fbclid=&msclkid=&ref=&q=&page=&lang=en&id=&token=&session=" +
	"https://www.https://shop.https://app.https://blog.https://docs..com/.org/.net/.io/.de/.es/.fr/.co.uk/index.html/product/products/category/checkout/cart/pricing/contact/about/download/newsletter/login/signup/account/search" +
	"@gmail.com@hotmail.com@yahoo.com@outlook.com@icloud.com@example.org@example.com@acme.com@proton.me info@ sales@ contact@ " +
	"Home Welcome to Products Pricing Contact us About us Shop Cart Checkout Thank you Newsletter Download Guide Compare | - Best coffee machine espresso for the and with your our free request a demo "
