package loyalty

import (
	"encoding/json"
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
	number := func(v any) float64 {
		switch v := v.(type) {
		case float64:
			return v
		case json.Number:
			if f, err := v.Float64(); err == nil { // else it is beyond any price
				return f
			}
		}
		return 0
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
			p.Price = number(find("", "", "price"))
		} else {
			p.Name, p.Link = word(find("", under, "name")), word(find("", under, "url"))
			p.Price = number(find("", under, "price"))
		}
		if v := number(find("value", "", "value", "total", "revenue")); i == 0 && v > 0 {
			p.Value = v
		}
		lines = append(lines, p)
	}
}
