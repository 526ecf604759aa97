package dbus

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The kinds of messages.
const (
	methodCall   = 1
	methodReturn = 2
	errorReply   = 3
	signal       = 4
)

// The fields of a header.
const (
	fieldPath        = 1
	fieldInterface   = 2
	fieldMember      = 3
	fieldErrorName   = 4
	fieldReplySerial = 5
	fieldDestination = 6
	fieldSender      = 7
	fieldSignature   = 8
	fieldFiles       = 9
)

// Message is what came in.
type Message struct {
	Path, Interface, Member, Sender string
	Body                            []any
	kind                            byte
	replyTo                         uint32
	errorName, signature            string
}

// maxMessage bounds what is read: the specification's 128 MiB are more than this process wants to hold.
const maxMessage = 8 << 20

func (call *Call) marshal(serial uint32) ([]byte, error) {
	body := encoder{}
	if err := body.values(call.Signature, call.Body); err != nil {
		return nil, err
	}
	fields := make([]any, 0, 6)
	add := func(code byte, signature string, value any, set bool) {
		if set {
			fields = append(fields, []any{code, Variant{signature, value}})
		}
	}
	add(fieldPath, "o", call.Path, true)
	add(fieldInterface, "s", call.Interface, call.Interface != "")
	add(fieldMember, "s", call.Member, true)
	add(fieldDestination, "s", call.Destination, call.Destination != "")
	add(fieldSignature, "g", call.Signature, call.Signature != "")
	add(fieldFiles, "u", uint32(len(call.Files)), len(call.Files) > 0)
	head := encoder{}
	err := head.values("yyyyuua(yv)", []any{byte('l'), byte(methodCall), byte(0), byte(1), uint32(len(body.b)), serial, fields})
	if err != nil {
		return nil, err
	}
	head.align(8)
	if len(head.b)+len(body.b) > maxMessage {
		return nil, errors.New("a message that is too long")
	}
	return append(head.b, body.b...), nil
}

// unmarshal takes the first message of b apart; nil when it is not all there yet.
func unmarshal(b []byte) (*Message, int, error) {
	const fixed = 16 // up to and with the length of the fields
	if len(b) < fixed {
		return nil, 0, nil
	}
	order, err := byteOrder(b[0])
	if err != nil {
		return nil, 0, err
	}
	body, fields := uint64(order.Uint32(b[4:])), uint64(order.Uint32(b[12:]))
	head := (fixed + fields + 7) &^ 7
	if b[3] != 1 || head+body > maxMessage {
		return nil, 0, fmt.Errorf("a message of version %d with %d bytes", b[3], head+body)
	}
	if uint64(len(b)) < head+body {
		return nil, 0, nil
	}
	d := decoder{b: b[:head], order: order, at: 12}
	m := &Message{kind: b[1]}
	if err := m.fields(&d); err != nil {
		return nil, 0, fmt.Errorf("the header of a message: %w", err)
	}
	d = decoder{b: b[head : head+body], order: order}
	if m.Body, err = d.values(m.signature); err != nil {
		return nil, 0, fmt.Errorf("the body of %s: %w", m.Member, err)
	}
	return m, int(head + body), nil
}

func byteOrder(mark byte) (binary.ByteOrder, error) {
	switch mark {
	case 'l':
		return binary.LittleEndian, nil
	case 'B':
		return binary.BigEndian, nil
	}
	return nil, fmt.Errorf("a message begins with %q, which is no byte order", mark)
}

func (m *Message) fields(d *decoder) error {
	all, err := d.value("a(yv)", 0)
	if err != nil {
		return err
	}
	for _, f := range all.([]any) {
		pair := f.([]any)
		value := pair[1].(Variant).Value
		text, _ := value.(string)
		switch pair[0].(byte) {
		case fieldPath:
			m.Path = text
		case fieldInterface:
			m.Interface = text
		case fieldMember:
			m.Member = text
		case fieldErrorName:
			m.errorName = text
		case fieldSender:
			m.Sender = text
		case fieldSignature:
			m.signature = text
		case fieldReplySerial:
			m.replyTo, _ = value.(uint32)
		}
	}
	return nil
}
