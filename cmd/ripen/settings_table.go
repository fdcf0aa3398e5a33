package main

import (
	"fmt"
	"io"
	"strings"
)

// settings is the one table: every flag of every command, its environment
// twin, its default and its help. The README's table and 'ripen help config'
// are printed from it.
var settings = []setting{
	// Of the server; these may stand in the config file.
	{name: "data", value: "DIR", inFile: true, help: text{"data directory", "directorio de datos"}},
	{name: "listen", value: "ADDR", def: "127.0.0.1:8080", inFile: true, help: text{"address to listen on", "dirección en la que se escucha"}},
	{name: "public-url", value: "URL", inFile: true, help: text{"origin under which sites reach this server (https://t.example.org), for the snippet's tag", "origen con el que los sitios llegan a este servidor (https://t.example.org), para la etiqueta del snippet"}},
	{name: "site-path", value: "PATH", inFile: true, help: text{"a further path for sites: with /k7 the snippet is at /k7.js and sends to /k7, and Snowplow's postPath may be /k7/tp2", "otra ruta para los sitios: con /k7 el snippet está en /k7.js y envía a /k7, y el postPath de Snowplow puede ser /k7/tp2"}},
	{name: "log-level", value: "LEVEL", def: "info", inFile: true, help: text{"debug, info, warn or error", "debug, info, warn o error"}},
	{name: "log-format", value: "FORMAT", def: "text", inFile: true, help: text{"text or json", "text o json"}},
	{name: "drain", kind: duration, value: "TIME", def: "10s", inFile: true, help: text{"how long a stop waits for requests under way", "cuánto espera una parada a las peticiones en curso"}},
	{name: "max-conns", kind: number, value: "N", def: "16384", inFile: true, help: text{"connections at a time; further ones get 503", "conexiones a la vez; las demás reciben 503"}},
	{name: "max-conns-per-ip", kind: number, value: "N", def: "1024", inFile: true, help: text{"connections at a time from one address; 0 = no limit (behind a proxy)", "conexiones a la vez desde una dirección; 0 = sin límite (tras un proxy)"}},
	{name: "trusted-proxies", value: "LIST", inFile: true, help: text{"addresses and networks of your proxies, whose X-Forwarded-For (or Forwarded) says where a request comes from; from others it is ignored", "direcciones y redes de tus proxies, cuyo X-Forwarded-For (o Forwarded) dice de dónde viene una petición; el de otros se ignora"}},
	{name: "rate-per-ip", kind: number, value: "N", def: "100", inFile: true, help: text{"requests a second with public keys from one public address (IPv6: /64), ten seconds' worth at once; 0 = no limit", "peticiones por segundo con claves públicas desde una dirección pública (IPv6: /64), de golpe las de diez segundos; 0 = sin límite"}},
	{name: "rate-per-key", kind: number, value: "N", def: "5000", inFile: true, help: text{"requests a second from public addresses with one write key whose source has no --rate; 0 = no limit", "peticiones por segundo desde direcciones públicas con una clave de escritura cuya fuente no tiene --rate; 0 = sin límite"}},
	{name: "max-body", kind: size, value: "SIZE", def: "4MB", inFile: true, help: text{"largest request body, up to 20MB", "mayor cuerpo de petición, hasta 20MB"}},
	{name: "read-timeout", kind: duration, value: "TIME", def: "5s", inFile: true, help: text{"time to read a whole request", "tiempo para leer una petición entera"}},
	{name: "idle-timeout", kind: duration, value: "TIME", def: "10s", inFile: true, help: text{"time a kept-alive connection may rest", "tiempo que puede descansar una conexión abierta"}},
	{name: "memory-limit", kind: size, value: "SIZE", def: "", inFile: true, help: text{"soft memory limit; default: GOMEMLIMIT, else 75 % of the machine or container", "límite blando de memoria; por defecto GOMEMLIMIT, si no el 75 % de la máquina o contenedor"}},
	{name: "disk-reserve", kind: size, value: "SIZE", def: "", inFile: true, help: text{"free space below which events are refused; default: 256MB or 2 % of the disk, the greater", "espacio libre bajo el cual se rechazan eventos; por defecto 256MB o el 2 % del disco, lo que sea más"}},
	{name: "retention-anonymous", kind: period, value: "TIME", def: "13mo", inFile: true, help: text{"how long events of people nobody knows are kept, in d, w, mo or y; 0 = for ever, else at least 1mo", "cuánto se guardan los eventos de quien nadie conoce, en d, w, mo o y; 0 = siempre, si no al menos 1mo"}},
	{name: "webhook-allow", value: "LIST", inFile: true, help: text{"networks of this machine's own that webhooks may go to, plain HTTP included, comma separated: 10.1.2.0/24, 127.0.0.1", "redes propias a las que pueden ir los webhooks, también por HTTP, separadas por comas: 10.1.2.0/24, 127.0.0.1"}},
	{name: "datacenters", value: "FILE", inFile: true, help: text{"address ranges that no person asks from, one CIDR a line: what comes from there is judged a bot", "rangos de direcciones desde los que no pregunta nadie, un CIDR por línea: lo que viene de ahí se juzga bot"}},
	{name: "geo", value: "FILE", inFile: true, help: text{"MaxMind DB of cities or countries: events then carry country, region, city and time zone; read again when it is replaced", "base MaxMind de ciudades o países: los eventos llevan entonces país, región, ciudad y zona horaria; se relee cuando se sustituye"}},
	{name: "capture-only", kind: boolean, inFile: true, help: text{"take events in, fold and score nothing (for measurements)", "recibir eventos sin puntuar (para medir)"}},

	// Of the commands that talk to a server.
	{name: "config", value: "FILE", help: text{"config file (YAML: one 'setting: value' a line)", "fichero de configuración (YAML: un 'ajuste: valor' por línea)"}},
	{name: "server", value: "URL", help: text{"talk to this server instead of the one that owns --data", "hablar con este servidor en vez del dueño de --data"}},
	{name: "admin-key", value: "KEY", envOnly: true, help: text{"admin key for --server; default: the file admin.key in --data", "clave de administración para --server; por defecto el fichero admin.key de --data"}},
	{name: "json", kind: boolean, help: text{"print JSON for machines", "escribir JSON para máquinas"}},
	{name: "lang", value: "en|es", help: text{"language of help and explanations; default: from LANG", "idioma de la ayuda y las explicaciones; por defecto el de LANG"}},
	{name: "tenant", value: "NAME", help: text{"the tenant; may be left out while there is only one", "el inquilino; puede omitirse si solo hay uno"}},
	{name: "source", value: "NAME", def: "default", help: text{"the tenant's source that the events come from", "la fuente del inquilino de la que vienen los eventos"}},

	// Of single commands.
	{name: "limit", kind: number, value: "N", def: "20", help: text{"how many to show", "cuántos mostrar"}},
	{name: "kinds", value: "LIST", help: text{"only moments of these kinds, comma separated", "solo momentos de estas clases, separadas por comas"}},
	{name: "as-of", kind: instant, value: "TIME", help: text{"as things stood at this moment", "tal como estaba en ese momento"}},
	{name: "protocols", kind: boolean, help: text{"send an event through every wire format", "enviar un evento por cada formato"}},
	{name: "code", value: "CODE", help: text{"only events refused with this code", "solo eventos rechazados con este código"}},
	{name: "from", kind: number, value: "SEQ", def: "0", help: text{"start at this sequence number", "empezar en este número de secuencia"}},
	{name: "follow", kind: boolean, help: text{"keep waiting for more; stop with Ctrl-C", "seguir esperando más; parar con Ctrl-C"}},
	{name: "format", value: "FORMAT", def: "ndjson", help: text{"ndjson or csv", "ndjson o csv"}},
	{name: "min-score", kind: number, value: "N", def: "0", help: text{"only leads with at least this score", "solo leads con al menos esta puntuación"}},
	{name: "band", value: "NAME", help: text{"only leads in this band", "solo leads en esta banda"}},
	{name: "scorecard", value: "NAME", help: text{"the card whose scores are meant; default: the tenant's ranking card", "la tarjeta cuyas puntuaciones cuentan; por defecto la de clasificación"}},
	{name: "out", value: "FILE", help: text{"write to this file (also -o); default: standard output", "escribir en este fichero (también -o); por defecto la salida estándar"}},
	{name: "cases", value: "FILE", help: text{"the file of a card's cases (JSON)", "el fichero de casos de una tarjeta (JSON)"}},
	{name: "template", value: "NAME", help: text{"the template to begin from: --list shows them; of mails, the mail", "la plantilla de la que partir: --list las enseña; en correos, el correo"}},
	{name: "list", kind: boolean, help: text{"show what there is to choose from", "enseñar lo que hay para elegir"}},
	{name: "force", kind: boolean, help: text{"overwrite files that are there", "sobrescribir ficheros que ya están"}},
	{name: "sample", kind: number, value: "N", def: "0", help: text{"walk only so many leads, the same ones each time; 0 = all", "recorrer solo tantos leads, siempre los mismos; 0 = todos"}},
	{name: "status", kind: boolean, help: text{"say how it stands, and change nothing", "decir cómo está, sin cambiar nada"}},
	{name: "stop", kind: boolean, help: text{"end it", "terminarlo"}},
	{name: "ranking", kind: boolean, help: text{"make this card the tenant's ranking", "hacer de esta tarjeta la clasificación del inquilino"}},
	{name: "migrate", kind: boolean, help: text{"leads under way go on in this version, from their next step on", "los leads en camino siguen en esta versión, desde su próximo paso"}},
	{name: "batch", kind: number, value: "N", def: "0", help: text{"the letters of this batch; 0 = those that were not exported yet", "las cartas de este lote; 0 = las que aún no se han exportado"}},
	{name: "since", kind: instant, value: "TIME", help: text{"what happened from this moment on; default: 90 days ago", "lo ocurrido desde ese momento; por defecto hace 90 días"}},
	{name: "within", kind: period, value: "TIME", def: "30d", help: text{"from the entry, or the message, on: a goal that comes later does not count, in d, w, mo or y", "desde la entrada, o el mensaje: una meta que llega después no cuenta, en d, w, mo o y"}},
	{name: "state", value: "STATE", help: text{"only those in this state", "solo los que están en este estado"}},
	{name: "queue", value: "NAME", help: text{"only hand-offs of this queue", "solo entregas de esta cola"}},
	{name: "reason", value: "TEXT", help: text{"why sales decided so", "por qué ventas lo decidió así"}},
	{name: "value", value: "NUMBER", help: text{"what was won is worth", "cuánto vale lo ganado"}},
	{name: "currency", value: "CODE", help: text{"of the value: EUR", "del valor: EUR"}},
	{name: "concurrency", kind: number, value: "N", help: text{"requests to this webhook at a time; 4 if nothing is said", "peticiones a este webhook a la vez; 4 si no se dice nada"}},
	{name: "shape", value: "API", help: text{"whose API the webhook is: twilio (SMS), slack (chat) or contact (CRM); nothing = signed JSON", "de quién es la API del webhook: twilio (SMS), slack (chat) o contact (CRM); nada = JSON firmado"}},
	{name: "sms-from", value: "NUMBER", help: text{"the number, or Twilio's messaging service, that SMS come from", "el número, o el servicio de mensajería de Twilio, del que salen los SMS"}},
	{name: "webhook-auth", value: "SECRET", envOnly: true, help: text{"who asks a webhook of a shape: user:password, or a token", "quién pide a un webhook con forma: usuario:contraseña, o un token"}},
	{name: "origins", value: "LIST", help: text{"allowed Origin values, comma separated; * = any", "valores de Origin permitidos, separados por comas; * = cualquiera"}},
	{name: "nonce", value: "TEXT", help: text{"nonce of the pages' Content-Security-Policy, or what your templates write for it", "nonce de la Content-Security-Policy de las páginas, o lo que sus plantillas escriben"}},
	{name: "server-side", kind: boolean, help: text{"events come from a trusted server: no bot verdict, times as given", "los eventos vienen de un servidor fiable: sin juicio de bot, tiempos tal cual"}},
	{name: "fast-ack", kind: boolean, help: text{"answer before the commit: faster, a crash may lose the last group", "responder antes de guardar: más rápido, una caída puede perder el último grupo"}},
	{name: "off-origin", kind: boolean, help: text{"take events of other origins than --origins, too, marked as not trusted", "aceptar también eventos de otros orígenes que --origins, marcados como no fiables"}},
	{name: "keep-ip", kind: boolean, help: text{"keep addresses, sealed, instead of dropping them", "guardar direcciones, selladas, en vez de descartarlas"}},
	{name: "retention", kind: period, value: "TIME", help: text{"how long this source's events are kept, in d, w, mo or y; at least 1mo; 0 = as long as the machine keeps any", "cuánto se guardan los eventos de esta fuente, en d, w, mo o y; al menos 1mo; 0 = tanto como los guarde la máquina"}},
	{name: "disabled", kind: boolean, help: text{"refuse this source's events", "rechazar los eventos de esta fuente"}},
	{name: "body-limit", kind: size, value: "SIZE", help: text{"largest body of this source", "mayor cuerpo de esta fuente"}},
	{name: "kind", value: "PROVIDER", help: text{"a mail provider's source, which takes its webhooks: brevo, mailgun, postmark, resend, sendgrid, ses or standard (Standard Webhooks); or twilio, for replies to SMS", "fuente de un proveedor de correo, que recibe sus webhooks: brevo, mailgun, postmark, resend, sendgrid, ses o standard (Standard Webhooks); o twilio, para las respuestas a SMS"}},
	{name: "webhook-secret", value: "SECRET", envOnly: true, help: text{"what the provider signs its webhooks with (SendGrid: its public key; Postmark and Brevo: user:password or a token; Twilio: its auth token)", "con qué firma el proveedor sus webhooks (SendGrid: su clave pública; Postmark y Brevo: usuario:contraseña o un token; Twilio: su auth token)"}},
	{name: "keep-secret", kind: boolean, help: text{"the webhook secret before this one goes on working, too", "el secreto anterior del webhook sigue sirviendo también"}},
	{name: "topic", value: "TOPIC", help: text{"the SNS topic that SES reports to; of mails, what they are about", "el tema de SNS al que SES informa; en correos, de qué tratan"}},
	{name: "window", kind: duration, value: "TIME", help: text{"how old a signed webhook may be; 0s = the provider's default", "cuánto puede tardar un webhook firmado; 0s = lo normal del proveedor"}},
	{name: "settle", kind: duration, value: "TIME", help: text{"how long a click in a mail waits for signs of a machine before it counts, up to 10m; 0s = not at all; default 1m", "cuánto espera un clic de un correo, por si fuera de una máquina, antes de contar, hasta 10m; 0s = nada; por defecto 1m"}},
	{name: "email", value: "ADDRESS", help: text{"whom the mail goes to", "a quién va el correo"}},
	{name: "user-id", value: "ID", help: text{"whom the mail goes to, by user id", "a quién va el correo, por su id de usuario"}},
	{name: "message", value: "NAME", help: text{"the mail: what rules with 'per: message' tell apart", "el correo: lo que distinguen las reglas con 'per: message'"}},
	{name: "link", value: "NAME", help: text{"the link's name; default: its URL without the query", "nombre del enlace; por defecto su URL sin la consulta"}},
	{name: "campaign", value: "NAME", help: text{"the campaign that the mail belongs to", "la campaña a la que pertenece el correo"}},
	{name: "mailing-list", value: "NAME", help: text{"what an unsubscribe ends; default: all mail", "de qué da de baja; por defecto de todo correo"}},
	{name: "trap", kind: boolean, help: text{"a link that no person sees: whoever follows it is a machine", "un enlace que nadie ve: quien lo sigue es una máquina"}},
	{name: "expires-in", kind: period, value: "TIME", help: text{"how long the address is good, in d, w, mo or y; default: pixel 90d, link 1y, unsubscribe 3y", "cuánto sirve la dirección, en d, w, mo o y; por defecto píxel 90d, enlace 1y, baja 3y"}},
	{name: "smtp", value: "URL", help: text{"the mail server: smtp://user@host:587 (STARTTLS) or smtps://user@host (TLS)", "el servidor de correo: smtp://usuario@host:587 (STARTTLS) o smtps://usuario@host (TLS)"}},
	{name: "smtp-password", value: "PASSWORD", envOnly: true, help: text{"of the user of --smtp; empty = as before", "del usuario de --smtp; vacía = la de antes"}},
	{name: "mail-from", value: "ADDRESS", help: text{"as whom mails leave: 'Acme <hola@acme.es>'", "en nombre de quién salen los correos: 'Acme <hola@acme.es>'"}},
	{name: "reply-to", value: "ADDRESS", help: text{"where answers go; default: --mail-from", "adónde van las respuestas; por defecto --mail-from"}},
	{name: "selector", value: "NAME", help: text{"sign mails (DKIM) with the key of this name in the DNS", "firmar los correos (DKIM) con la clave de este nombre en el DNS"}},
	{name: "mail-rate", kind: number, value: "N", def: "10", help: text{"mails a second to receivers of one domain", "correos por segundo a destinatarios de un mismo dominio"}},
	{name: "lead", value: "WHO", help: text{"the lead: any id of theirs, or their e-mail", "el lead: cualquier id suyo o su correo"}},
	{name: "variant", value: "NAME", help: text{"the mail's words for these readers; default: its own", "las palabras del correo para estos lectores; por defecto las suyas"}},
	{name: "fields", value: "LIST", help: text{"what stands in placeholders before the lead's own: name=value, comma separated", "qué ocupa los huecos antes que lo del lead: nombre=valor, separados por comas"}},
	{name: "key", value: "KEY", help: text{"names the mail: of one key there is one; default: a new one", "nombra el correo: de una clave hay uno; por defecto una nueva"}},
	{name: "stage", value: "STAGE", help: text{"only mails for this stage", "solo correos para esta etapa"}},
	{name: "purpose", value: "PURPOSE", help: text{"only mails of this purpose: marketing or transactional", "solo correos de esta finalidad: marketing o transactional"}},
	{name: "version", kind: number, value: "N", help: text{"which version; default: the one in force", "qué versión; por defecto la vigente"}},
	{name: "old-until", kind: instant, value: "TIME", help: text{"until when what the old key signed is good; default: until it expires", "hasta cuándo sirve lo que firmó la clave anterior; por defecto hasta que caduque"}},
	{name: "rotate", kind: boolean, help: text{"make a new key; the one before stays good until the next time", "crear una clave nueva; la anterior vale hasta la próxima vez"}},
	{name: "rate", kind: number, value: "N", help: text{"requests a second that this source may send; more get 429; 0 = no limit", "peticiones por segundo que puede enviar esta fuente; las demás reciben 429; 0 = sin límite"}},
	{name: "after", kind: number, value: "LINE", def: "0", help: text{"go on after this line of the file", "seguir tras esta línea del fichero"}},
	{name: "host", value: "URL", help: text{"the site of the log, to make addresses of its paths: https://acme.es", "el sitio del registro, para completar sus rutas: https://acme.es"}},
	{name: "map", value: "LIST", help: text{"what columns are: column=userId, =anonymousId, =timestamp, =traits.NAME, =properties.NAME, =- (leave out); of loyalty: =customer, =date, =value, =product, =category; comma separated", "qué son las columnas: columna=userId, =anonymousId, =timestamp, =traits.NOMBRE, =properties.NOMBRE, =- (omitir); en loyalty: =customer, =date, =value, =product, =category; separadas por comas"}},
	{name: "until", kind: instant, value: "DAY", help: text{"the last day that counts; default: the last one of the file", "el último día que cuenta; por defecto el último del fichero"}},
	{name: "horizon", kind: period, value: "TIME", def: "52w", help: text{"how far to look ahead, in d, w, mo or y", "hasta dónde mirar adelante, en d, w, mo o y"}},
	{name: "margin", value: "PERCENT", def: "100", help: text{"what is earned of a purchase's value", "lo que se gana del importe de una compra"}},
	{name: "discount", value: "PERCENT", def: "0", help: text{"how much less money counts a year from now", "cuánto menos cuenta el dinero dentro de un año"}},
	{name: "model", value: "MODEL", help: text{"what to learn; of train: card (points to read and change; the default), logistic (finer weights) or gbdt (boosted trees); of loyalty, how customers leave: bg-nbd (after a purchase; the default), mbg-nbd (after the first one, too) or pareto-nbd (at any time)", "qué aprender; con train: card (puntos que se leen y cambian; por defecto), logistic (pesos más finos) o gbdt (árboles); con loyalty, cómo se van los clientes: bg-nbd (tras una compra; por defecto), mbg-nbd (también tras la primera) o pareto-nbd (en cualquier momento)"}},
	{name: "min-repurchases", kind: number, value: "N", def: "30", help: text{"repurchases with which a product's own life counts as much as its category's", "recompras con las que la vida propia de un producto cuenta tanto como la de su categoría"}},
	{name: "card", value: "FILE", help: text{"write what was learned as a scorecard to this file", "escribir lo aprendido como tarjeta en este fichero"}},
	{name: "event", value: "NAME", help: text{"each line is an event of this name, not a person", "cada línea es un evento con este nombre, no una persona"}},
	{name: "sep", value: "CHAR", def: ",", help: text{"what separates the columns", "qué separa las columnas"}},
	{name: "label", value: "LABEL", help: text{"of a file: the column that says who converted; of the log: what to foresee, as in 'won within 90d'", "de un fichero: la columna que dice quién convirtió; del registro: qué prever, como 'won within 90d'"}},
	{name: "publish-if-better", kind: boolean, help: text{"put the learned card in force if it beats the one that is, on its best tenth and on Brier", "poner en vigor la tarjeta aprendida si supera a la actual en el mejor décimo y en Brier"}},
	{name: "by", value: "WHAT", def: "received", help: text{"when an event was known: when it was received, or by the time that it carries (for imports)", "cuándo se supo un evento: cuando se recibió (received), o según la hora que lleva (time, para importaciones)"}},
	{name: "positive", value: "VALUE", help: text{"its value that means converted; default: found out where it has two", "su valor que significa convertido; por defecto se averigua si tiene dos"}},
	{name: "name", value: "NAME", def: "learned", help: text{"what the card is called", "cómo se llama la tarjeta"}},
	{name: "drop", value: "LIST", help: text{"columns, attributes or event types not to learn from; comma separated", "columnas, atributos o tipos de evento de los que no aprender; separados por comas"}},
	{name: "keep", value: "LIST", help: text{"columns to learn from although they look like running numbers or names", "columnas de las que aprender aunque parezcan números correlativos o nombres"}},
	{name: "missing", value: "LIST", help: text{"further words that stand for no answer", "otras palabras que significan sin respuesta"}},
	{name: "time-column", value: "COLUMN", help: text{"a column of dates, or numbers that grow, to ask about later rows; @row = the file is in the order of time", "una columna de fechas, o números que crecen, para preguntar por filas posteriores; @row = el fichero está en orden de tiempo"}},
	{name: "constrain", value: "LIST", help: text{"what points must keep to: COLUMN=rising, COLUMN=falling, COLUMN>=POINTS, COLUMN<=POINTS", "a qué se atienen los puntos: COLUMNA=rising, COLUMNA=falling, COLUMNA>=PUNTOS, COLUMNA<=PUNTOS"}},
	{name: "types", kind: number, value: "N", def: "0", help: text{"how many kinds to find, 2 to 8; 0 = as many as are told apart best", "cuántos tipos buscar, de 2 a 8; 0 = los que mejor se distingan"}},
	{name: "columns", value: "LIST", help: text{"attributes and event types to tell kinds apart by; default: all", "atributos y tipos de evento por los que distinguir; por defecto todos"}},
	{name: "prefix", value: "NAME", help: text{"what the segments are called, before their number; default: type", "cómo se llaman los segmentos, antes de su número; por defecto tipo"}},
	{name: "seed", kind: number, value: "N", def: "1", help: text{"of what is drawn at random", "de lo que se elige al azar"}},
	{name: "html", value: "FILE", help: text{"write the report as a page, too", "escribir también el informe como página"}},
	{name: "dry-run", kind: boolean, help: text{"only say what would be done", "solo decir qué se haría"}},
	{name: "yes", kind: boolean, help: text{"do what cannot be undone", "hacer lo que no tiene vuelta atrás"}},
	{name: "repair", kind: boolean, help: text{"mend what can be mended without loss", "reparar lo que se pueda sin pérdida"}},
	{name: "accept-loss", kind: boolean, help: text{"with --repair: also forget what is lost for good, so that the rest opens", "con --repair: olvidar además lo perdido del todo, para que lo demás abra"}},
	{name: "keys", value: "FILE", help: text{"the keys of the backup; default: FILE.keys beside it", "las claves de la copia; por defecto FILE.keys a su lado"}},
	{name: "dir", value: "DIR", help: text{"the folder to write; of module new, default: module-LANG", "la carpeta que se escribe; con module new, por defecto module-LANG"}},
	{name: "erased", value: "FILE", help: text{"the list of who was erased; default: FILE.erased beside it", "la lista de personas borradas; por defecto FILE.erased a su lado"}},
}

// printConfigTable writes the settings as the Markdown table of the README.
func printConfigTable(w io.Writer, lang string) {
	h := text{"| flag | environment | default | in file | meaning |", "| opción | entorno | por defecto | en fichero | significado |"}
	fmt.Fprintln(w, h.in(lang))
	fmt.Fprintln(w, "|---|---|---|---|---|")
	for i := range settings {
		s := &settings[i]
		name := "–"
		if !s.envOnly {
			name = "`" + strings.TrimSpace("--"+s.name+" "+s.value) + "`"
		}
		def, inFile := "", ""
		if s.def != "" {
			def = "`" + s.def + "`"
		}
		if s.inFile {
			inFile = "✓"
		}
		fmt.Fprintf(w, "| %s | `%s` | %s | %s | %s |\n", strings.ReplaceAll(name, "|", "\\|"), s.env(), def, inFile, s.help.in(lang))
	}
}
