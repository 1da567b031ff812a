// Package text turns what people write into text that is safe to store, show and search: it cleans and
// folds plain text, renders Markdown, sanitises foreign HTML, reads HTML as plain text, and separates what
// somebody wrote in a mail from the history quoted below it.
//
// Every function is pure, safe for concurrent use and never fails: bad input gives a poorer result, not an
// error. Running time grows linearly with the input; the size bounds are named where they apply.
package text
