package idmap

import (
	"bytes"
	"strings"
)

// services is the sources that nsswitch.conf(5) names for a database, without
// the [STATUS=action] terms between them; nil when the database has no line.
func services(conf []byte, database string) []string {
	for line := range bytes.Lines(conf) {
		line, _, _ = bytes.Cut(line, []byte("#"))
		name, rest, ok := strings.Cut(string(line), ":")
		if !ok || strings.TrimSpace(name) != database {
			continue
		}
		var found []string
		action := false
		for field := range strings.FieldsSeq(rest) {
			if strings.HasPrefix(field, "[") {
				action = true
			}
			if !action {
				found = append(found, field)
			}
			if strings.HasSuffix(field, "]") {
				action = false
			}
		}
		return found
	}
	return nil
}

// subidService is the one source that shadow asks for sub-ids. Its libsubid
// looks at the first word of the line alone; "files" is the default.
func (s Sources) subidService() (string, error) {
	conf, err := readFile(s.Root + "/etc/nsswitch.conf")
	if err != nil {
		return "", err
	}
	if named := services(conf, "subid"); len(named) > 0 {
		return named[0], nil
	}
	return "files", nil
}

// passwdElsewhere tells whether accounts may come from more than /etc/passwd.
func (s Sources) passwdElsewhere() (bool, error) {
	conf, err := readFile(s.Root + "/etc/nsswitch.conf")
	if err != nil {
		return false, err
	}
	for _, service := range services(conf, "passwd") {
		if service != "files" && service != "compat" {
			return true, nil
		}
	}
	return false, nil
}

// Files tells whether sub-ids come from files, so that SubIDs runs no program and
// lists all there is.
func (s Sources) Files() (bool, error) {
	service, err := s.subidService()
	return service == "files", err
}
