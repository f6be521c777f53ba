package transport

import (
	"context"
	"errors"
)

// Message is what a subscriber is handed. The bytes are its own.
type Message struct {
	Subject string
	Reply   string // where an answer is awaited; empty for a message that was published
	Data    []byte
}

// Conn is a connection to a run's messages. Its methods may be called from several goroutines at once.
type Conn interface {
	// Publish sends data to whoever subscribes to subject now. It does not wait for them, and it copies data.
	Publish(subject string, data []byte) error
	// Request publishes data and waits for one answer. It returns ErrNoAnswer when nobody is there to give one, and
	// ctx's error when it took too long.
	Request(ctx context.Context, subject string, data []byte) ([]byte, error)
	// Subscribe hands the messages of subject to handle, in order and one at a time, until the subscription or the
	// connection is closed. Of the subscribers with the same group, which is not empty, one gets each message. A
	// subscriber that falls behind by more than a bounded amount loses messages.
	Subscribe(subject, group string, handle func(Message)) (Subscription, error)
	// Close ends all subscriptions, and returns when their handlers have. It may be called twice.
	Close() error
}

// Subscription is the receiving end of a subject.
type Subscription interface {
	// Close ends it; messages that are waiting are dropped. It may be called twice, also by the handler.
	Close() error
}

// Why a Conn could not do what it was asked.
var (
	ErrNoAnswer = errors.New("transport: nobody answers there")
	ErrClosed   = errors.New("transport: connection closed")
)

// pendingBytes is how many bytes of messages may wait for a subscriber: the windows of 32 clients.
const pendingBytes = 32 * Window * 256 << 10
