package loyalty

import (
	"fmt"
	"strconv"
	"strings"
)

// Bought makes lines of one purchase: one for each product, the value on the first. It
// notes under which names it found them: the card asks for the same.
func Bought(id string, at int64, fields map[string]any, names map[string]string) (lines []Purchase) {
	find := func(role, under string, from ...string) any {
		for _, name := range from {
			if v, ok := fields[under+name]; ok {
				if role != "" && names[role] == "" {
					names[role] = name
				}
				return v
			}
		}
		return nil
	}
	word := func(v any) string {
		if v == nil {
			return ""
		}
		return strings.TrimSpace(fmt.Sprint(v))
	}
	for i := 0; ; i++ {
		under := "products." + strconv.Itoa(i) + "."
		p := Purchase{Customer: id, Day: int(at / dayMs)}
		p.Product = word(find("product", under, "sku", "product_id", "name"))
		p.Category = word(find("category", under, "category"))
		if p.Product == "" && p.Category == "" {
			if i > 0 {
				return lines
			}
			p.Product = word(find("product", "", "sku", "product_id", "product"))
			p.Category = word(find("category", "", "category"))
			p.Name, p.Link = word(find("", "", "name")), word(find("", "", "product_url"))
			p.Price, _ = find("", "", "price").(float64)
		} else {
			p.Name, p.Link = word(find("", under, "name")), word(find("", under, "url"))
			p.Price, _ = find("", under, "price").(float64)
		}
		if v, ok := find("value", "", "value", "total", "revenue").(float64); ok && i == 0 && v > 0 {
			p.Value = v
		}
		lines = append(lines, p)
	}
}
