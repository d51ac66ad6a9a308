// SPDX-License-Identifier: MIT

// What server.go does on a connection after its handshake (Documentation/after-the-handshake.md):
// records that are no data, new keys, the end.
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Conn is a connection after its handshake. One goroutine reads, one writes, as net/http does.
type Conn struct {
	net.Conn
	raw        syscall.RawConn
	ktlsd      *Ktlsd
	relayed    bool
	recordsMax uint64
	message    []byte      // what has come of one
	owed       atomic.Bool // our new key, which the client has asked for
	mu         sync.Mutex  // of sealed
	sealed     []byte      // nil: keys cannot be changed
}

// NewConn performs the handshake.
func NewConn(k *Ktlsd, tcp *net.TCPConn, wanted []byte) (*Conn, error) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, err
	}
	r, err := k.Ask(typeRequest, raw, wanted)
	if err != nil {
		return nil, err
	}
	c := &Conn{Conn: tcp, raw: raw, ktlsd: k, sealed: r.attributes[attrSession]}
	if max := r.attributes[attrRecordsMax]; len(max) == 8 {
		c.recordsMax = binary.BigEndian.Uint64(max)
	}
	if r.fd >= 0 { // a relay has the records: this takes the socket's place
		file := os.NewFile(uintptr(r.fd), "relay")
		tcp.Close()
		c.relayed = true
		c.Conn, err = net.FileConn(file)
		file.Close()
	}
	return c, err
}

// Read gives data and deals with everything else. Without room for a control message, a record that
// is no data would be EIO.
func (c *Conn) Read(b []byte) (int, error) {
	if c.relayed {
		return c.Conn.Read(b)
	}
	control := make([]byte, syscall.CmsgSpace(1))
	for {
		var n, cn int
		var failed error
		err := c.raw.Read(func(fd uintptr) bool {
			n, cn, _, _, failed = syscall.Recvmsg(int(fd), b, control, 0)
			return failed != syscall.EAGAIN
		})
		if err == nil {
			err = failed
		}
		if err != nil {
			return 0, err
		}
		if cn == 0 {
			return 0, io.ErrUnexpectedEOF // cut off: no close_notify
		}
		switch kind := control[syscall.CmsgLen(0)]; {
		case kind == data && n > 0:
			return n, nil
		case kind == alert || kind == handshake: // of which b may have a part only
			c.message = append(c.message, b[:n]...)
			if err := c.notData(kind); err != nil {
				return 0, err
			}
		case kind != data:
			return 0, fmt.Errorf("the client sent a record of type %d", kind)
		}
	}
}

// notData looks at alerts and messages. They may be spread over records, and records hold several.
func (c *Conn) notData(kind byte) error {
	if kind == alert && len(c.message) >= 2 {
		if c.message[1] == 0 {
			return io.EOF // close_notify
		}
		return fmt.Errorf("the client sent alert %d", c.message[1])
	}
	for kind == handshake && len(c.message) >= 4 {
		size := 4 + int(binary.BigEndian.Uint32(c.message)&0xffffff)
		if len(c.message) < size {
			return nil
		}
		var m []byte
		m, c.message = c.message[:size], c.message[size:]
		switch {
		case m[0] == keyUpdate && size == 5:
			if err := c.renew(rx); err != nil {
				return err
			}
			if m[4] == 1 {
				c.owed.Store(true)
			}
		case m[0] == clientHello && c.sealed == nil: // TLS 1.2: no_renegotiation
			c.record(alert, []byte{1, 100})
		default:
			return fmt.Errorf("the client sent a message of type %d", m[0])
		}
	}
	return nil
}

// renew installs the key that follows, in one direction, if the one before is still in force.
func (c *Conn) renew(direction uint16) error {
	c.mu.Lock()
	if c.sealed == nil { // TLS 1.2, or a kernel before 6.14
		c.mu.Unlock()
		return errors.New("keys cannot be changed")
	}
	asked := attribute(attribute(nil, attrSession, c.sealed), attrRenew, []byte{byte(direction)})
	r, err := c.ktlsd.Ask(typeService, c.raw, asked)
	if err == nil {
		c.sealed = r.attributes[attrSession]
	}
	c.mu.Unlock()
	if err != nil {
		return err
	}
	keys := r.attributes[attrKey+direction]
	if len(keys) != 92 {
		return errors.New("ktlsd has no key")
	}
	before := info(keys, 4)
	inForce, err := c.get(int(direction), len(before))
	if err != nil || !bytes.Equal(inForce[:len(before)-8], before[:len(before)-8]) {
		return errors.New("somebody else has changed the key")
	}
	if direction == tx { // the last under the old key
		if err := c.record(handshake, []byte{keyUpdate, 0, 0, 1, 0}); err != nil {
			return err
		}
	}
	c.raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptString(int(fd), solTLS, int(direction), string(info(keys, 48)))
	})
	return err
}

// maintain is due before data: our new key, where the client has asked for one or it is time for it.
func (c *Conn) maintain() error {
	if c.relayed {
		return nil
	}
	size := map[byte]int{51: 40, 52: 56, 54: 56}
	start, err := c.get(tx, 4)
	if err != nil {
		return err
	}
	used, err := c.get(tx, size[start[2]])
	if err != nil {
		return err
	}
	number := binary.BigEndian.Uint64(used[len(used)-8:])
	if c.owed.Swap(false) || (c.recordsMax > 0 && number > c.recordsMax/2) {
		return c.renew(tx)
	}
	return nil
}

func (c *Conn) Write(b []byte) (int, error) {
	if err := c.maintain(); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// piece is how much may go between two looks: not more than is left of a key.
func (c *Conn) piece() int64 {
	if c.recordsMax == 0 || c.recordsMax/4 > piece>>14 {
		return piece
	}
	return int64(c.recordsMax/4+1) << 14
}

// ReadFrom is what net/http calls for a file: TCPConn's is sendfile(2).
func (c *Conn) ReadFrom(r io.Reader) (sum int64, err error) {
	to, ok := c.Conn.(io.ReaderFrom)
	file, limited := r.(*io.LimitedReader)
	if !ok || !limited {
		return io.Copy(struct{ io.Writer }{c}, r)
	}
	for file.N > 0 && err == nil {
		var n int64
		part := &io.LimitedReader{R: file.R, N: file.N}
		if part.N > c.piece() {
			part.N = c.piece()
		}
		if err = c.maintain(); err == nil {
			n, err = to.ReadFrom(part)
		}
		file.N -= n
		sum += n
		if n == 0 {
			break
		}
	}
	return
}

// Close says close_notify (RFC 9846, 6.1) before: the client knows that it has got everything.
func (c *Conn) Close() error {
	if !c.relayed { // a relay says it by itself
		c.SetWriteDeadline(time.Now().Add(5 * time.Second))
		c.record(alert, []byte{1, 0})
	}
	return c.Conn.Close()
}
