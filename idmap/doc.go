// Package idmap has user and group id mappings as values, finds the
// subordinate ids that an account was granted, and writes maps through the
// setuid programs newuidmap and newgidmap.
//
// The rule that bites: a HostID is an id as the caller's own user namespace
// shows it, not as the machine's first one does. The kernel reads
// /proc/PID/uid_map that way, newuidmap compares the file /etc/subuid that way,
// and so does everything here; Compose is the one place where two views meet.
//
// Sub-ids come from, in this order: the caller's explicit map (then nothing is
// looked up), /etc/subuid and /etc/subgid, or getsubids(1) where
// nsswitch.conf(5) names another source than files. shadow's libsubid, which
// newuidmap asks too, knows one source only; asking a second one would find
// ranges that newuidmap then refuses.
//
// systemd-nsresourced (systemd 256) is not among them. Its AllocateUserRange
// does not list ranges: it takes the descriptor of a fresh user namespace,
// writes a transient range into it, and confines what that namespace may write
// to. It is a way of writing maps, next to WriteByHelpers, and needs a machine
// that runs it to be written against.
//
// Reading order: map.go, text.go, compose.go, shape.go are values without any
// system call; source.go, account.go, nsswitch.go and getsubids.go find ids;
// helper.go, write.go, diagnose.go and run.go deal with the setuid programs.
package idmap
