package ticket

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/text"
)

// Similar returns up to limit tickets that a may see and that resemble t, the most alike first, then the latest: they
// share words of the subject, at least half of them or one within the same category. It looks at the latest tickets
// only, as searching by words does, and at the 500 of them that share most words.
func Similar(ctx context.Context, tx *db.Tx, a auth.Actor, t Ticket, limit int) ([]Ticket, error) {
	words := telling(t.Subject)
	if len(words) == 0 || limit <= 0 {
		return nil, nil
	}
	w := &where{tx: tx, args: append(visibleArgs(a), t.ID, db.Null(t.CategoryID))}
	shared := make([]string, len(words))
	for i, word := range words {
		shared[i] = "CASE WHEN u.subject_fold LIKE " + w.arg(db.LikePattern(word)) + ` ESCAPE '\' THEN 1 ELSE 0 END`
	}
	half := w.arg((len(words) + 1) / 2)
	q := "WITH alike (id, shared) AS (SELECT c.id, c.shared FROM (SELECT u.id, u.updated_at, " + strings.Join(shared, " + ") + " AS shared " + fromLatest + `) c
		WHERE c.shared > 0 ORDER BY c.shared DESC, c.updated_at DESC LIMIT 500) SELECT ` + columns + `
		FROM alike l CROSS JOIN ticket t` + neighbours + `
		WHERE t.id = l.id AND ` + visible(1) + ` AND t.id <> $4 AND t.merged_into IS NULL
			AND (l.shared >= ` + half + ` OR t.category_id = $5)
		ORDER BY l.shared + CASE WHEN t.category_id = $5 THEN 1 ELSE 0 END DESC, t.updated_at DESC, t.id DESC LIMIT ` + w.arg(limit)
	return db.All(ctx, tx, scan, q, w.args...)
}

// dull are words of three letters and more that say nothing about what a ticket is about, folded.
var dull = strings.Fields(`les des une aux dans avec sans sous sur pour par pas plus mon mes ton son ses notre votre leur nos vos
	est sont etait ete etre ont avoir fait faire peut que qui quoi quand comment cette ces cet tout tous toute encore depuis bonjour merci
	probleme demande aide ticket the and for with from this that not can has have had was are our your their you when how why what
	please hello help problem request issue`)

// telling returns up to eight words of a subject that say what it is about, folded, each once.
func telling(subject string) []string {
	var out []string
	for _, word := range text.Words(subject) {
		if utf8.RuneCountInString(word) >= 3 && !slices.Contains(dull, word) && !slices.Contains(out, word) && len(out) < 8 {
			out = append(out, word)
		}
	}
	return out
}
