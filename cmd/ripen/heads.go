package main

import "strings"

// table writes rows under a head, in the reader's language.
func (c *call) table(head []string, rows [][]string) {
	for i, h := range head {
		head[i] = c.head(h)
	}
	printTable(c.out, head, rows)
}

// head is the head of a column in the reader's language. What is no word of ours, a
// band's name, stays as it is.
func (c *call) head(h string) string {
	word := strings.TrimPrefix(h, ">")
	if es, ok := headsES[word]; ok && c.lang == "es" {
		return h[:len(h)-len(word)] + es
	}
	return h
}

// headsES are the heads of all tables in Spanish.
var headsES = map[string]string{
	"#": "#", "ACCOUNT": "CUENTA", "ACTION": "ACCIÓN", "AFFINITY": "AFINIDAD", "ANSWERED": "RESPONDIDO", "AT": "CUÁNDO",
	"AT A TIME": "A LA VEZ", "ATTRIBUTE": "ATRIBUTO", "AUC": "AUC", "BAND": "BANDA", "BECAUSE": "PORQUE",
	"BEFORE \\ AFTER": "ANTES \\ DESPUÉS", "BEGUN": "EMPEZÓ", "BEST LEAD": "MEJOR LEAD", "BEST TENTH": "MEJOR DÉCIMO", "BRIER": "BRIER",
	"BUILD": "COMPILAR", "BY": "POR", "CARD": "TARJETA", "CHANNEL": "CANAL", "CITY": "CIUDAD", "CLOSED": "CERRADO", "CODE": "CÓDIGO",
	"CONVERTED": "CONVIRTIÓ", "CREATED": "CREADO", "DIFFERENCE": "DIFERENCIA", "DUE": "VENCE", "ENDED": "TERMINÓ", "ENTERED": "ENTRÓ",
	"EVENT": "EVENTO", "FIRST": "PRIMERO", "GAS": "GAS", "GIVEN": "DADO", "GRADE": "NOTA", "HANDED OVER": "ENTREGADO", "HANDOFFS": "ENTREGAS", "ID": "ID",
	"IN FORCE SINCE": "EN VIGOR DESDE", "INTENT": "ENVÍO", "JOURNEY": "RECORRIDO", "KEY": "CLAVE", "KIND": "CLASE", "KNOWN": "CONOCIDOS", "LANG": "LENGUA",
	"LAST": "LO ÚLTIMO", "LAST SEEN": "VISTO POR ÚLTIMA VEZ", "LATER": "DESPUÉS", "LEAD": "LEAD", "LEADS": "LEADS", "MACHINE": "MÁQUINA",
	"MADE": "HECHO", "MANY LOOKS": "MUCHAS MIRADAS", "MAX": "MÁX", "MESSAGE": "MENSAJE", "MIN": "MÍN", "NAME": "NOMBRE",
	"NEEDS": "NECESITA", "NEXT": "PRÓXIMO", "NOT": "SIN", "OF": "DE", "OF ALL": "DEL TOTAL", "OFFER": "OFERTA", "ONE LOOK": "UNA MIRADA", "OPENED": "ABIERTO",
	"ORIGINS": "ORÍGENES", "OTHERS": "LOS DEMÁS", "OUTCOME": "RESULTADO", "P50": "P50", "P99": "P99", "PAGE": "PÁGINA", "POINTS": "PUNTOS",
	"PRICE": "PRECIO", "PROBABILITY": "PROBABILIDAD", "PRODUCT": "PRODUCTO", "PROTOCOL": "PROTOCOLO", "PURPOSE": "FINALIDAD",
	"RANKING": "ORDENA", "REACHED IT": "LLEGAN", "REACHED THE GOAL": "LLEGAN A LA META", "REASON": "MOTIVO", "RECEIVED": "RECIBIDO",
	"RETURNS": "REGRESOS", "ROWS": "FILAS", "RULE": "REGLA", "SCORE": "PUNTUACIÓN", "SCORECARD": "TARJETA", "SCORED": "CON",
	"SCORES": "PUNTUACIONES", "SECONDS": "SEGUNDOS", "SECRETS": "SECRETOS", "SENT": "ENVIADO", "SETTINGS": "AJUSTES", "SHARE": "PARTE",
	"SHOWN": "ENSEÑADO", "SINCE": "DESDE", "SOURCE": "FUENTE", "SOURCES": "FUENTES", "STAGE": "ETAPA", "STATE": "ESTADO", "STEP": "PASO",
	"SUBJECT": "ASUNTO", "TEMPLATE": "PLANTILLA", "TENANT": "INQUILINO", "TEST": "PROBAR", "TIME": "HORA", "TO": "A", "TOPIC": "TEMA",
	"TOPICS": "TEMAS", "TRIES": "INTENTOS", "TYPE": "TIPO", "UNTIL": "HASTA", "URL": "URL", "VALUE": "VALOR", "VERDICT": "VEREDICTO",
	"VERSION": "VERSIÓN", "VISITS": "VISITAS", "WANTED": "QUERIDO", "WHAT": "QUÉ", "WHAT IT IS FOR": "PARA QUÉ ES", "WHO, WHAT": "QUIÉN, QUÉ",
	"WHY": "POR QUÉ", "WITH": "CON", "WITH --MIGRATE THEY": "CON --MIGRATE", "WRITE KEY": "CLAVE DE ESCRITURA", "WRITTEN": "ESCRITA",
}
