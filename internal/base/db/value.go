package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"entraide/internal/base/errs"
)

type millis struct{ t *time.Time }

// Millis stores *t as milliseconds since 1970 UTC and scans it back; the zero time is 0.
func Millis(t *time.Time) interface {
	sql.Scanner
	driver.Valuer
} {
	return millis{t}
}

// Ms is t as Millis stores it.
func Ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Time is the inverse of Ms.
func Time(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func (m millis) Value() (driver.Value, error) { return Ms(*m.t), nil }

func (m millis) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*m.t = time.Time{}
	case int64:
		*m.t = Time(v)
	default:
		return fmt.Errorf("time from %T", v)
	}
	return nil
}

type jsonValue struct{ p any }

// JSON stores what p points to as JSON text and scans it back. NULL and "" leave it unchanged.
func JSON(p any) interface {
	sql.Scanner
	driver.Valuer
} {
	return jsonValue{p}
}

func (j jsonValue) Value() (driver.Value, error) {
	b, err := json.Marshal(j.p)
	return string(b), err
}

func (j jsonValue) Scan(v any) error {
	var b []byte
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		b = []byte(v)
	case []byte:
		b = v
	default:
		return fmt.Errorf("JSON from %T", v)
	}
	if len(b) == 0 {
		return nil
	}
	return json.Unmarshal(b, j.p)
}

// Null is s as a parameter, NULL when it is empty.
func Null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// List is a parameter for In.
func List[T ~string](items []T) string {
	if items == nil {
		return "[]"
	}
	b, err := json.Marshal(items)
	if err != nil { // strings always marshal
		panic(err)
	}
	return string(b)
}

// In is the SQL condition "column is one of parameter n", where the parameter is a List.
func (tx *Tx) In(column string, n int) string {
	p := "$" + strconv.Itoa(n)
	if tx.db.Engine == SQLite {
		return column + " IN (SELECT value FROM json_each(" + p + "))"
	}
	return column + " IN (SELECT jsonb_array_elements_text(CAST(" + p + " AS JSONB)))"
}

// SkipLocked ends a subquery that claims rows: other replicas' claims are passed over instead of waited for.
func (tx *Tx) SkipLocked() string {
	if tx.db.Engine == SQLite {
		return "" // one writer: nobody else can hold a row
	}
	return " FOR UPDATE SKIP LOCKED"
}

// IsUnique reports whether err says that a unique index refused a row.
func IsUnique(err error) bool {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return pe.Code == "23505"
	}
	var se *sqlite.Error
	return errors.As(err, &se) && (se.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || se.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// IsForeign reports whether err says that a referenced row does not exist or is still referenced.
func IsForeign(err error) bool {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return pe.Code == "23503"
	}
	var se *sqlite.Error
	return errors.As(err, &se) && se.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
}

// away reports whether err says that the database itself is in trouble, whatever it was asked: the connection broke, the
// server starts or stops or is a standby, the disk is full.
// Sources: https://www.postgresql.org/docs/current/errcodes-appendix.html, https://sqlite.org/rescode.html.
//
// write tells a standby or a read-only disk, which a write meets, from a read that tried to write, which is a fault of ours.
func away(err error, write bool) bool {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		switch pe.Code[:2] {
		case "08", "53", "58": // connection, insufficient resources, system error
			return true
		}
		return slices.Contains([]string{"57P01", "57P02", "57P03"}, pe.Code) || write && pe.Code == "25006" // shut down, crash, starting; read only
	}
	var se *sqlite.Error
	if errors.As(err, &se) {
		switch se.Code() & 0xff {
		case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_BUSY:
			return true
		case sqlite3.SQLITE_READONLY:
			return write
		}
		return false
	}
	var ce *pgconn.ConnectError
	var ne net.Error
	return errors.As(err, &ce) || errors.As(err, &ne) && !errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, driver.ErrBadConn) || pgconn.SafeToRetry(err)
}

// refused marks an error of the database itself, as opposed to one of what it was asked.
func refused(err error, write bool) error {
	if away(err, write) && !errors.Is(err, errs.Unavailable) {
		return fmt.Errorf("%w: %w", errs.Unavailable, err)
	}
	return err
}

// LikePattern makes s a pattern for LIKE … ESCAPE '\' that matches s literally anywhere.
func LikePattern(s string) string {
	b := make([]byte, 0, len(s)+8)
	b = append(b, '%')
	for i := range len(s) {
		if s[i] == '%' || s[i] == '_' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return string(append(b, '%'))
}
