package text

import (
	"regexp"
	"strings"
)

// All of these see folded lines.
var (
	device = regexp.MustCompile(`^(?:envoye (?:de|depuis|a partir (?:de |d')|avec|via|par) ?(?:mon |ma |l'application |la messagerie |un(?:e)? )?\S|sent (?:from|with|via|using) (?:my |the |a )?\S|` +
		`get outlook for|(?:obtenez|obtenir|telecharge[rz]) outlook|obtener outlook|scarica outlook|outlook (?:fur|voor) \S+|obter o outlook|gesendet (?:mit|von)|von meinem \S+ gesendet|enviado (?:desde|do|a partir)|` +
		`inviato da|verstuurd vanaf|verzonden vanaf|provenance : courrier|yahoo mail\s*:|cet e-?mail a ete verifie par|garanti sans virus|sans virus\.|virus-free)`)
	closing = regexp.MustCompile(`^(?:(?:bien |tres )?(?:cordialement|amicalement|sincerement)(?: a vous)?|cdlt|cdt|bav|respectueusement|(?:bien )?a vous|salutations(?: distinguees)?|` +
		`sinceres salutations|meilleures salutations|(?:avec mes |mes )?(?:meilleures |sinceres )?salutations|bonne (?:journee|soiree|reception)|` +
		`merci(?: d'avance| beaucoup| par avance)?|(?:kind |best |warm )?regards|yours (?:sincerely|faithfully|truly)|sincerely|best(?: wishes)?|cheers|thanks(?: in advance| a lot)?|thank you|many thanks|` +
		`mit freundlichen grussen)\s*[,.!]*$`)
	contact = regexp.MustCompile(`(?:\+|\b0)[0-9](?:[ .\-()/]*[0-9]){7,12}\b|(?:^|\s|<)[\w.+-]+@[\w-]+\.[\w.-]+|https?://\S+|\bwww\.\S+|` +
		`^(?:tel|t|mob|mobile|portable|port|fixe|fax|phone|gsm|poste|standard|ligne directe)\s*[.:]+\s*[+0-9(]|\b[0-9]{5} [a-z][a-z' -]{2,}`)
	postscript = regexp.MustCompile(`^(?:p\.? ?s\.?|n\.? ?b\.?|pj|p\.j\.|edit|ps[0-9])\s*[:.,-]|\?`)
	disclaimer = regexp.MustCompile(`^[*_\s]*(?:(?:l'integrite de )?ce (?:message|courriel|mail|courrier|e-mail)[^.]{0,80}(?:pieces? jointes?|confidentiel|destine)|(?:avertissement|confidentialite|disclaimer)\b|` +
		`this (?:e-?mail|message|communication)[^.]{0,80}(?:confidential|intended|privileged|attachments?)|` +
		`the information (?:contained )?in this|(?:p )?(?:pensez|merci de penser|avant d'imprimer|please consider)[^.]{0,80}(?:environnement|imprim|environment|planete))`)
)

const (
	maxDashed  = 20  // lines below "-- " that are still a signature
	maxClosing = 9   // lines below "Cordialement," that are still a signature
	maxDevice  = 120 // bytes of the line that a phone adds
	maxName    = 90  // bytes of a line in a signature
)

// cutSignatures drops the signature at the end of each stretch of kept lines that history follows, and at the
// end of the text.
func cutSignatures(lines []line, keep []bool) {
	for end := len(lines); end > 0; {
		for end > 0 && !keep[end-1] {
			end--
		}
		start := end
		for start > 0 && keep[start-1] {
			start--
		}
		cutSignature(lines[start:end], keep[start:end])
		end = start
	}
}

func cutSignature(lines []line, keep []bool) {
	if n := dashes(lines); n >= 0 {
		drop(keep, n, len(keep))
		lines, keep = lines[:n], keep[:n]
	}
	for {
		last := len(lines) - 1
		for last >= 0 && lines[last].folded == "" {
			last--
		}
		if last < 0 || !device.MatchString(lines[last].folded) || len(lines[last].folded) > maxDevice {
			break
		}
		keep[last] = false
		lines, keep = lines[:last], keep[:last]
	}
	if n := legal(lines); n > 0 {
		drop(keep, n, len(keep))
		lines, keep = lines[:n], keep[:n]
	}
	if n := greeting(lines); n > 0 {
		drop(keep, n, len(keep))
	}
}

// dashes returns the line "-- " that begins a signature, -1 if there is none. Without its space it counts only
// when little follows, because people also draw rules.
func dashes(lines []line) int {
	for i := len(lines) - 1; i >= 0 && i >= len(lines)-maxDashed-1; i-- {
		raw := strings.TrimLeft(lines[i].raw, " ")
		if raw == "-- " || raw == "--\u00a0" {
			return i
		}
		if strings.TrimSpace(raw) == "--" && i > 0 && len(lines)-i <= maxClosing && brief(lines[i+1:]) {
			return i
		}
	}
	return -1
}

// legal returns the line at which a legal notice begins that reaches to the end; 0 if there is none.
func legal(lines []line) int {
	for i := max(1, len(lines)-25); i < len(lines); i++ {
		if lines[i-1].folded == "" && disclaimer.MatchString(lines[i].folded) {
			return i
		}
	}
	return 0
}

// greeting returns the line of a closing formula below which stands nothing but name, function and contact;
// 0 if there is none or if it is not certain.
func greeting(lines []line) int {
	for i := len(lines) - 1; i > 0 && i >= len(lines)-maxClosing-3; i-- {
		if !closing.MatchString(lines[i].folded) {
			continue
		}
		below := lines[i+1:]
		if !brief(below) {
			return 0
		}
		for _, l := range below {
			if contact.MatchString(l.folded) {
				return i
			}
		}
	}
	return 0
}

// brief reports whether lines look like a signature: few, short, no question and no sentence.
func brief(lines []line) bool {
	full := 0
	for _, l := range lines {
		if l.folded == "" {
			continue
		}
		full++
		if len(l.folded) > maxName || postscript.MatchString(l.folded) || sentence(l.folded) {
			return false
		}
	}
	return full <= maxClosing
}

// sentence reports whether a line is prose, which a signature holds none of.
func sentence(s string) bool {
	words := len(strings.Fields(s))
	return words >= 5 && strings.HasSuffix(s, ".") || words > 12 || speaks.MatchString(s)
}

// speaks finds words that only somebody addressing a reader writes.
var speaks = regexp.MustCompile(`\b(?:je|j'ai|j'y|nous|vous|votre|vos|mon|ma|mes|ne|pas|est|sont|you|your|i|we|my|is|are|please|call|appelez|rappelez|joindre|can|not)\b`)
