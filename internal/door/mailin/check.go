package mailin

import (
	"context"
	"strconv"
	"time"

	"github.com/emersion/go-imap/v2"

	"entraide/internal/domain/channel"
)

// testTime is how long a test of a mailbox may take, and a server may keep silent meanwhile.
const testTime = 20 * time.Second

// Test tries to fetch by a mailbox as it is being set up: it connects, signs in, opens the folder and looks whether what
// is taken in can be put away. Nothing is taken in or changed. Nil for a mailbox that fetches nothing.
func (f Fetcher) Test(ctx context.Context, m channel.Mailbox, s channel.Secrets) []channel.Check {
	ctx, cancel := context.WithTimeout(ctx, testTime)
	defer cancel()
	switch m.In.Way {
	case channel.Graph:
		return f.testGraph(ctx, m, s)
	case channel.IMAP:
	default:
		return nil
	}
	l, err := connect(ctx, m, s, terms{testTime, f.Token, f.spent})
	if err != nil {
		return []channel.Check{failed(err)}
	}
	defer l.end()
	stop := context.AfterFunc(ctx, l.end)
	defer stop()
	folder := channel.Check{Step: "folder", Key: "mail.check.folder", OK: true, Args: map[string]string{"folder": m.In.Inbox(), "n": strconv.FormatUint(uint64(l.messages), 10)}}
	told := channel.Check{Step: "idle", Key: "mail.check.poll", OK: true}
	if l.idle {
		told.Key = "mail.check.idle"
	}
	checks := []channel.Check{folder, told}
	if m.In.After == channel.AfterMove {
		checks = append(checks, l.testMove(m.In.MoveTo))
	}
	return checks
}

// testMove looks whether the folder is there into which messages are moved.
func (l *link) testMove(to string) channel.Check {
	c := channel.Check{Step: "move", Key: "mail.check.move", OK: true, Args: map[string]string{"folder": to}}
	if _, err := l.Status(to, &imap.StatusOptions{NumMessages: true}).Wait(); err != nil {
		c.OK, c.Key, c.Detail = false, "mail.check.no_move", err.Error()
	}
	return c
}

// failed is the step that err ended.
func failed(err error) channel.Check {
	why := failureOf(err)
	return channel.Check{Step: "fetch", Key: why.key, Detail: why.words()}
}
