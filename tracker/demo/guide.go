package demo

import (
	"bytes"
	"fmt"
	"strings"
)

// guidePart is a heading and a paragraph of the PDF guide.
type guidePart struct{ head, text both }

var guideTitle = both{"Elegir cafetera", "Choosing a coffee machine"}

// guidePages is the text of the guide, page by page.
var guidePages = [][]guidePart{
	{
		{
			both{"1. Cuenta las tazas", "1. Count the cups"},
			both{
				"Apunta durante una semana cuántos cafés se hacen en casa y a qué hora. Hasta cuatro al día, cualquier máquina sirve y decide el gusto. De cinco a quince, busca un depósito de más de un litro y medio y que caliente en menos de un minuto. Con más de veinte, hace falta una superautomática o dos grupos: si no, se forma cola.",
				"For one week, write down how many coffees your household makes and when. Up to four a day any machine will do, and taste decides. From five to fifteen, look for a tank of more than a litre and a half that heats in under a minute. Beyond twenty you need a bean-to-cup machine or two groups: otherwise there is a queue.",
			},
		},
		{
			both{"2. Mide el sitio", "2. Measure the room"},
			both{
				"El ancho importa menos que el alto: entre la encimera y el armario suele haber cuarenta y cinco centímetros, y hay que poder abrir la tapa del depósito. Deja diez centímetros libres detrás para el vapor y comprueba dónde está el enchufe.",
				"Width matters less than height: between worktop and cupboard there are usually forty-five centimetres, and the lid of the tank must open. Leave ten centimetres behind for the steam and check where the socket is.",
			},
		},
		{
			both{"3. Decide quién trabaja", "3. Decide who does the work"},
			both{
				"En una máquina de palanca lo haces todo tú; en una manual, casi todo; en una superautomática, nada, salvo limpiarla. Ninguna es mejor: es la diferencia entre cocinar y que te sirvan. Si dudas, empieza por una manual y un molinillo; se revenden bien.",
				"With a lever machine you do everything; with a manual one, nearly everything; with a bean-to-cup machine nothing, except cleaning it. None is better: it is the difference between cooking and being served. If in doubt, start with a manual machine and a grinder; they keep their value.",
			},
		},
	},
	{
		{
			both{"4. El molinillo va primero", "4. The grinder comes first"},
			both{
				"El café molido pierde la mitad de su aroma en quince minutos. Si el presupuesto no llega a las dos cosas, gasta primero en moler y sigue con la italiana de siempre un año más.",
				"Ground coffee loses half its aroma in fifteen minutes. If the budget does not stretch to both, spend on grinding first and keep the old moka pot for another year.",
			},
		},
		{
			both{"5. El coste de una taza", "5. What a cup costs"},
			both{
				"Con grano, entre doce y dieciocho céntimos. Con cápsula, entre treinta y cuarenta y cinco. A cuatro cafés al día la diferencia son más de trescientos euros al año: una máquina manual se paga sola antes de su primer cumpleaños.",
				"With beans, between twelve and eighteen cents. With capsules, between thirty and forty-five. At four coffees a day the difference is more than three hundred euros a year: a manual machine has paid for itself before its first birthday.",
			},
		},
		{
			both{"6. Cuánto dura", "6. How long it lasts"},
			both{
				"Dos años es lo normal si no se descalcifica nunca; diez, si se hace cada dos meses. Antes de comprar pregunta por el precio de la junta del grupo: si no la venden suelta, esa máquina no está hecha para durar.",
				"Two years is usual if it is never descaled; ten if it is done every two months. Before you buy, ask what the group gasket costs: if it is not sold separately, the machine was not made to last.",
			},
		},
	},
}

// guide returns the guide as a PDF of two A4 pages. It is written by hand: the
// standard fonts need no embedding and the text no layout engine.
func guide(lang string) []byte {
	var p pdf
	p.object(`<< /Type /Catalog /Pages 2 0 R /Lang (` + lang + `) >>`)
	p.object(`<< /Type /Pages /Kids [6 0 R 8 0 R] /Count 2 >>`)
	p.object(`<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>`)
	p.object(`<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>`)
	p.object(`<< /Title ` + literal(guideTitle.in(lang)) + ` /Author (Vaho) >>`)
	for i, parts := range guidePages {
		p.object(fmt.Sprintf(`<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> /Contents %d 0 R >>`, 7+2*i))
		content := guidePage(lang, i, parts)
		p.object(fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(content), content))
	}
	return p.close()
}

func guidePage(lang string, n int, parts []guidePart) string {
	var b strings.Builder
	text := func(font string, size, x, y int, grey float64, s string) {
		fmt.Fprintf(&b, "BT /%s %d Tf %.2f g %d %d Td %s Tj ET\n", font, size, grey, x, y, literal(s))
	}
	b.WriteString("0.059 0.361 0.341 rg 0 702 595 140 re f\n")
	// Three lines of steam, the shop's mark.
	b.WriteString("1 1 1 RG 4 w 1 J\n")
	for x := 58; x <= 86; x += 14 {
		fmt.Fprintf(&b, "%d 748 m %d 760 %d 764 %d 776 c %d 788 %d 792 %d 800 c S\n", x, x-10, x+10, x, x-8, x+8, x+2)
	}
	text("F2", 28, 112, 762, 1, guideTitle.in(lang))
	text("F1", 12, 113, 742, 1, "Vaho · "+texts["tagline"].in(lang))
	y := 650
	for _, part := range parts {
		text("F2", 16, 56, y, 0.07, part.head.in(lang))
		y -= 24
		for _, line := range wrap(part.text.in(lang), 84) {
			text("F1", 12, 56, y, 0.2, line)
			y -= 18
		}
		y -= 24
	}
	text("F1", 10, 56, 48, 0.4, fmt.Sprintf("%d / %d", n+1, len(guidePages)))
	return b.String()
}

// wrap breaks s at spaces into lines of at most width letters.
func wrap(s string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// literal writes a text string in WinAnsi, which is Latin-1 for all we print.
func literal(s string) string {
	b := []byte{'('}
	for _, r := range s {
		if r == '(' || r == ')' || r == '\\' {
			b = append(b, '\\')
		}
		if r > 0xff {
			r = '?'
		}
		b = append(b, byte(r))
	}
	return string(append(b, ')'))
}

// pdf writes a file object by object and remembers where each begins.
type pdf struct {
	b       bytes.Buffer
	offsets []int
}

func (p *pdf) object(body string) {
	if p.b.Len() == 0 {
		p.b.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	}
	p.offsets = append(p.offsets, p.b.Len())
	fmt.Fprintf(&p.b, "%d 0 obj\n%s\nendobj\n", len(p.offsets), body)
}

func (p *pdf) close() []byte {
	start := p.b.Len()
	fmt.Fprintf(&p.b, "xref\n0 %d\n0000000000 65535 f \n", len(p.offsets)+1)
	for _, at := range p.offsets {
		fmt.Fprintf(&p.b, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&p.b, "trailer\n<< /Size %d /Root 1 0 R /Info 5 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(p.offsets)+1, start)
	return p.b.Bytes()
}
