package fault

import "fmt"

// Error is an error with a code, or a remedy, or both.
type Error struct {
	Code Code   // "": that of Err
	Kind string // with Degraded: of what, see internal/degrade
	Hint string // what to do about it; the end of the sentence
	Err  error
}

func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Err.Error()
	}
	return e.Err.Error() + "; " + e.Hint
}

func (e *Error) Unwrap() error { return e.Err }

// Words is an error of words alone, for sentinels: it takes no work when the program starts.
type Words string

func (w Words) Error() string { return string(w) }

// New is an error of a sentence.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...)}
}

// Remedy adds what to do about it.
func (e *Error) Remedy(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// Mark gives an error a code, whatever it had. Nil stays nil.
func Mark(code Code, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Code: code, Err: err}
}

// Default gives an error a code if it has none. Nil stays nil.
func Default(code Code, err error) error {
	if err == nil || Coded(err) {
		return err
	}
	return &Error{Code: code, Err: err}
}

// Remedy adds to an error what to do about it. Nil stays nil.
func Remedy(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &Error{Hint: fmt.Sprintf(format, args...), Err: err}
}

// Coder is an error that knows its code itself.
type Coder interface{ Code() Code }

// Remedier is an error that knows its remedy itself.
type Remedier interface{ Remedy() string }

// Coded reports whether there is a code in an error's chain.
func Coded(err error) bool {
	found := false
	Walk(err, func(e error) bool {
		switch e := e.(type) {
		case *Error:
			found = found || e.Code != ""
		case Coder:
			found = found || e.Code() != ""
		}
		return !found
	})
	return found
}

// Walk visits the errors of a chain from the outside in, until visit returns false. Of several that are joined, each with all of its
// own chain before the next.
func Walk(err error, visit func(error) bool) bool {
	for err != nil {
		if !visit(err) {
			return false
		}
		switch e := err.(type) {
		case interface{ Unwrap() error }:
			err = e.Unwrap()
		case interface{ Unwrap() []error }:
			for _, one := range e.Unwrap() {
				if !Walk(one, visit) {
					return false
				}
			}
			return true
		default:
			return true
		}
	}
	return true
}
