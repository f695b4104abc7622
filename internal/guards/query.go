package main

import (
	"regexp"
	"strings"
)

// tokens of a query: comments, texts, words, and single characters.
var tokens = regexp.MustCompile(`--[^\n]*|'(?:[^']|'')*'|[A-Za-z_][A-Za-z_0-9]*|\$[0-9]+|::|[<>=!]+|[^\s]`)

// ends are the words that end a condition.
var ends = map[string]bool{"GROUP": true, "ORDER": true, "LIMIT": true, "OFFSET": true, "RETURNING": true,
	"UNION": true, "FOR": true,
	"ON": true, "WHERE": true, "HAVING": true, "THEN": true, "WHEN": true, "ELSE": true, "END": true,
	"JOIN": true, "LEFT": true, "INNER": true, "CROSS": true, "AS": true, "INSERT": true, "UPDATE": true, "SET": true,
	"WINDOW": true, "EXCEPT": true, ";": true, ",": true, "--": true}

// ofQueries are the conditions in a file of queries: what WHERE, ON and HAVING want, one by one where
// it is joined by AND. That a statement names its account is not among them: a test of the text of
// each has that.
func ofQueries(file string, source string) []guard {
	var all []guard
	query := ""
	type open struct {
		from    int  // where the condition begins; -1 for none
		between bool // the next AND belongs to BETWEEN
		or      bool // it holds an OR, and is one with its neighbours
		pieces  [][2]int
	}
	stack := []open{{from: -1}}
	last := 0 // where the token before ended
	flush := func(o *open) {
		if o.from >= 0 {
			o.pieces = append(o.pieces, [2]int{o.from, last})
		}
		if o.or && len(o.pieces) > 1 {
			o.pieces = [][2]int{{o.pieces[0][0], o.pieces[len(o.pieces)-1][1]}}
		}
		for _, p := range o.pieces {
			if text := source[p[0]:p[1]]; !strings.Contains(text, "account_id =") || strings.Contains(text, "SELECT") {
				all = append(all, guard{file: file, in: query, text: text, from: p[0], to: p[1]})
			}
		}
		*o = open{from: -1}
	}
	wants := false // the next token begins a condition
	for _, at := range tokens.FindAllStringIndex(source, -1) {
		text := source[at[0]:at[1]]
		word := strings.ToUpper(text)
		if strings.HasPrefix(text, "--") {
			if name, ok := strings.CutPrefix(text, "-- name: "); ok {
				for i := range stack {
					flush(&stack[i])
				}
				stack, query = []open{{from: -1}}, name
			}
			continue
		}
		top := &stack[len(stack)-1]
		if wants && word != "CONFLICT" {
			top.from = at[0]
		}
		wants = false
		switch {
		case text == "(":
			stack = append(stack, open{from: -1})
		case text == ")":
			flush(top)
			if len(stack) > 1 {
				stack = stack[:len(stack)-1]
			}
		case word == "BETWEEN":
			top.between = true
		case word == "AND" && top.between:
			top.between = false
		case word == "AND" && top.from >= 0:
			top.pieces = append(top.pieces, [2]int{top.from, last})
			top.from, wants = -1, true
		case word == "OR" && top.from >= 0:
			top.or = true
		case ends[word]:
			flush(top)
			wants = word == "WHERE" || word == "ON" || word == "HAVING"
		}
		last = at[1]
	}
	for i := range stack {
		flush(&stack[i])
	}
	return all
}

// brokenQuery is what stands for a condition that is broken. It is kept in the text: a database
// wants to see what all of a statement's arguments are for.
func brokenQuery(condition, how string) string {
	if how == dropped {
		return "(TRUE OR (" + condition + "))"
	}
	return "((" + condition + ") IS NOT TRUE)"
}
