package notify

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxMessage is the length that systemd takes; it drops longer messages, and so do we.
const MaxMessage = 4096

// Outside is what numbers in a message mean where it goes to. False drops the field.
type Outside struct {
	Pid   func(pid int) (int, bool)
	Clock func(usec uint64) (uint64, bool) // CLOCK_MONOTONIC
}

// Rewrite is what of a message with so many descriptors is passed on, and whether the descriptors are. An empty text is nothing.
//
// Of several fields with one key the first counts, as for systemd. A barrier has to be alone and to have one descriptor.
func Rewrite(message string, files int, o Outside) (text string, withFiles bool) {
	message = strings.TrimSuffix(message, "\x00") // of those who count the end of a C string
	if len(message) > MaxMessage || strings.IndexByte(message, 0) >= 0 {
		return "", false
	}
	if strings.TrimSuffix(message, "\n") == "BARRIER=1" {
		if files != 1 {
			return "", false
		}
		return "BARRIER=1", true
	}
	var out strings.Builder
	var seen []string
	for line := range strings.SplitSeq(message, "\n") {
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		if line == "BARRIER=1" {
			return "", false
		}
		if value, ok = o.field(key, value); !ok || contains(seen, key) {
			continue
		}
		seen = append(seen, key)
		if out.Len() > 0 {
			out.WriteByte('\n')
		}
		out.WriteString(key + "=" + value)
		withFiles = withFiles || key == "FDSTORE" && files > 0
	}
	if out.Len() > MaxMessage {
		return "", false
	}
	return out.String(), withFiles
}

// field decides about one. Not passed on are, besides what is unknown: NOTIFYACCESS, which would open the manager's socket to
// others (all of the container may send anyway); MAINPIDFD and MAINPIDFDID, which name a process without its pid.
func (o Outside) field(key, value string) (string, bool) {
	switch key {
	case "READY", "RELOADING", "STOPPING", "FDSTORE", "FDSTOREREMOVE":
		return value, value == "1"
	case "WATCHDOG":
		return value, value == "1" || value == "trigger"
	case "FDPOLL":
		return value, value == "0" || value == "1"
	case "WATCHDOG_USEC", "EXTEND_TIMEOUT_USEC":
		_, err := strconv.ParseUint(value, 10, 64)
		return value, err == nil
	case "MONOTONIC_USEC":
		usec, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			return "", false
		}
		usec, ok := o.Clock(usec)
		return strconv.FormatUint(usec, 10), ok
	case "MAINPID":
		pid, err := strconv.ParseUint(value, 10, 31)
		if err != nil || pid == 0 {
			return "", false
		}
		outside, ok := o.Pid(int(pid))
		return strconv.Itoa(outside), ok
	case "STATUS":
		return harmless(value), true
	case "FDNAME":
		return value, plain(value) && !strings.Contains(value, ":")
	case "ERRNO", "EXIT_STATUS", "BUSERROR", "VARLINKERROR":
		return value, plain(value) && !strings.Contains(value, " ")
	}
	return "", false
}

func contains(list []string, word string) bool {
	for _, w := range list {
		if w == word {
			return true
		}
	}
	return false
}

// plain is a word of printable ASCII characters; names of descriptors have up to 255 (sd_pid_notify_with_fds(3)).
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= 255
}

// harmless is a text that can be shown on a terminal: `systemctl status` does so with the one of STATUS.
func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return '?'
		}
		return r
	}, s)
}
