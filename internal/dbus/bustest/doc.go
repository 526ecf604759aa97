// Package bustest starts message buses for tests: a dbus-daemon of the test's own, and listeners that behave as no bus should.
package bustest
