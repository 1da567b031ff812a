package scripts

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"entraide/internal/base/auth"
	"entraide/internal/base/db"
	"entraide/internal/base/errs"
	"entraide/internal/base/i18n"
	"entraide/internal/domain/form"
	"entraide/internal/domain/script"
	"entraide/internal/domain/ticket"
)

// apply sets on the ticket what the passed steps set. What cannot be set, because a may not work the ticket or the value
// does not fit it, is written there as a note: a caller on the line does not wait for a form.
func apply(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, s script.Script, effects []script.Effect) error {
	for _, e := range effects {
		err := t.MayWork(a)
		if err == nil {
			err = set(ctx, tx, a, t, e)
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, errs.Invalid) && !errors.Is(err, errs.Forbidden) && t.MayWork(a) == nil {
			return err
		}
		l := i18n.From(ctx)
		_, err = ticket.Note(ctx, tx, a, t.ID, ticket.Say{Quiet: true, Draught: ticket.Draught{Body: l.T("script.note.unset", "script", s.Name.In(string(l.Lang)),
			"step", e.Node.Title.In(string(l.Lang)), "value", e.Value, "why", why(l, err))}})
		if err != nil {
			return err
		}
	}
	return nil
}

// why is a refusal in words.
func why(l i18n.Loc, err error) string {
	if f := errs.Fields(err); len(f) > 0 {
		return l.T(f[0].Key, f[0].Args...)
	}
	if key, args, ok := errs.Reason(err); ok {
		return l.T(key, args...)
	}
	return l.T("script.note.unfit")
}

func set(ctx context.Context, tx *db.Tx, a auth.Actor, t ticket.Ticket, e script.Effect) error {
	var p ticket.Patch
	switch {
	case e.Field == "category":
		p.CategoryID = &e.Value
	case e.Field == "impact" || e.Field == "urgency":
		n, err := strconv.Atoi(e.Value)
		if err != nil {
			return errs.InvalidField(e.Field, "ticket.scale")
		}
		if e.Field == "impact" {
			p.Impact = &n
		} else {
			p.Urgency = &n
		}
	case e.Field == "tag":
		tags, err := ticket.Tags(ctx, tx, t)
		if err != nil {
			return err
		}
		tags = append(tags, e.Value)
		p.Tags = &tags
	default:
		p.Fields = map[string]any{strings.TrimPrefix(e.Field, "fields."): e.Value}
	}
	_, err := ticket.Update(ctx, tx, a, t.ID, p)
	return err
}

// Faults returns what keeps a tree from being published: what is wrong with it by itself, and what it names and is not
// there. The names of places are in the language of ctx.
func Faults(ctx context.Context, tx *db.Tx, a auth.Actor, t script.Tree) ([]script.Fault, error) {
	lang := string(i18n.From(ctx).Lang)
	faults := t.Check(lang)
	categories, err := ticket.Categories(ctx, tx)
	if err != nil {
		return nil, err
	}
	fields, err := form.All(ctx, tx, a)
	if err != nil {
		return nil, err
	}
	for _, n := range t {
		wrong, err := named(ctx, tx, n, categories, fields)
		if err != nil {
			return nil, err
		}
		if wrong.Key != "" {
			wrong.Node, wrong.Args = n.Key, append(wrong.Args, "node", t.Name(n, lang))
			faults = append(faults, wrong)
		}
	}
	return faults, nil
}

// named checks what a node names outside its script; no fault has no Key.
func named(ctx context.Context, tx *db.Tx, n script.Node, categories ticket.Tree, fields []form.Field) (script.Fault, error) {
	known := func(id string) bool { c, ok := categories.Find(id); return ok && c.Active }
	switch {
	case n.Kind == script.Outcome && n.End == script.EndEscalate && n.Queue != "":
		q, err := ticket.FindQueue(ctx, tx, n.Queue)
		if errors.Is(err, errs.NotFound) || err == nil && !q.Active {
			return script.Fault{Field: "to", Key: "script.fault.queue"}, nil
		}
		return script.Fault{}, err
	case n.Kind == script.Outcome && n.End == script.EndRequest && n.Category != "" && !known(n.Category):
		return script.Fault{Field: "category", Key: "script.fault.category"}, nil
	case n.Kind != script.Set || n.Field == "":
	case n.Field == "category" && n.Value != "" && !known(n.Value):
		return script.Fault{Field: "value", Key: "script.fault.category"}, nil
	case n.Field == "impact" || n.Field == "urgency":
		if v, err := strconv.Atoi(n.Value); n.From == "" && n.Value != "" && (err != nil || v < 1 || v > 4) {
			return script.Fault{Field: "value", Key: "script.fault.scale"}, nil
		}
	case strings.HasPrefix(n.Field, "fields."):
		return fits(n, fields), nil
	}
	return script.Fault{}, nil
}

// fits checks that a custom field is there, and that a value which is always the same fits it.
func fits(n script.Node, fields []form.Field) script.Fault {
	for _, f := range fields {
		if "fields."+f.Key != n.Field || !f.Active {
			continue
		}
		f.Required = false
		if n.From == "" && n.Value != "" {
			if _, wrong := form.Validate([]form.Field{f}, map[string]any{f.Key: n.Value}); len(wrong) > 0 {
				return script.Fault{Field: "value", Key: "script.fault.value_unfit"}
			}
		}
		return script.Fault{}
	}
	return script.Fault{Field: "field", Key: "script.fault.field"}
}

// Publish puts the draft of a script in force.
// Errors: as script.Publish; what it names and is not there is among the places of errs.Invalid.
func Publish(ctx context.Context, tx *db.Tx, a auth.Actor, scriptID string, version int64) (script.Script, error) {
	if err := script.MayDesign(a); err != nil {
		return script.Script{}, err
	}
	s, err := script.Find(ctx, tx, a, scriptID)
	if err != nil {
		return s, err
	}
	faults, err := Faults(ctx, tx, a, s.Draft)
	if err != nil {
		return s, err
	}
	if err := script.Errors(faults); err != nil {
		return s, err
	}
	return script.Publish(ctx, tx, a, s.ID, version, string(i18n.From(ctx).Lang))
}

// Queues returns the active queues that an outcome may name.
// Errors: errs.Forbidden for those who do not design scripts.
func Queues(ctx context.Context, tx *db.Tx, a auth.Actor) ([]ticket.Queue, error) {
	if err := script.MayDesign(a); err != nil {
		return nil, err
	}
	return ticket.Destinations(ctx, tx, auth.System("script"))
}
