package delegate

import (
	"context"
	"os"
	"testing"
	"time"
)

// A bus that is killed, again and again. It is the last test of the package: a user's systemd (257) sometimes waits for the bus that it is to
// start itself, and answers nobody meanwhile, its own systemctl neither, for seconds or for good. What is asked of roost is that it
// says so in time, and goes on as soon as the manager does.
func TestScopesWhileTheBusIsKilled(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("needs an ordinary user: without the system bus there is no machine")
	}
	silent := 0
	disturb(t, 3, func() error {
		_ = systemctl("kill", "--signal=KILL", "dbus.service") // it may just be starting
		return nil
	}, func(err error) {
		silent++
		t.Log(err)
	})
	if silent == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for i := 1000; ; i++ {
		err := scopeOnce(ctx, t, i)
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Skipf("systemd: it does not come back from the loss of its bus: %v", err)
		}
		time.Sleep(time.Second)
	}
}
