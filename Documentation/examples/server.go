// SPDX-License-Identifier: MIT

// Serves the files of a folder over HTTPS with Go's net/http, without crypto/tls and without libktls.
//
//	go build server.go
//	./server [-ktlsd PATH] [-profile NAME] [-relay] [-listen ADDRESS] [FOLDER]
//	curl --cacert ca.pem https://localhost:4433/file
//
// ktlsd performs the handshakes, then the kernel encrypts. Documentation/handoff-protocol.md has what
// Conn.ask does, after-the-handshake.md what else there is. For 64-bit little-endian machines.
package main

import (
	"encoding/binary"
	"errors"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

var (
	path    = flag.String("ktlsd", "/run/ktlsd/ktlsd.sock", "path of ktlsd's socket")
	name    = flag.String("profile", "default", "section of ktlsd's configuration")
	address = flag.String("listen", ":4433", "address and port")
	relay   = flag.Bool("relay", false, "a process of ktlsd may carry the records")
	ciphers = map[byte][3]int{1: {51, 16, 4}, 2: {52, 32, 4}, 3: {54, 32, 0}} // suite: number, key, salt
)

const (
	solTLS, tx, rx                                         = 282, 1, 2 // of <linux/tls.h>, and tx and rx in ktlsd's RENEW
	alert, handshake                                       = 21, 22    // types of records that are no data (RFC 9846, 5.1)
	typeRequest, typeService                               = 2, 5      // of the hand-off protocol
	session, role, profile, deadline, records, alpn, renew = 2, 16, 17, 18, 19, 21, 26
	reason, text, key, recordsMax                          = 32, 35, 53, 56 // key + tx or rx
)

// Conn performs its handshake when it is first read. One goroutine reads, one writes, as in net/http.
type Conn struct {
	net.Conn
	raw           syscall.RawConn
	open, relayed bool
	used, max     uint64       // what our key has protected, and may, in records
	message       []byte       // what has come of one
	owed          atomic.Bool  // our new key, which the client has asked for
	sealed        atomic.Value // "": keys cannot be changed
}

// attribute is one that ktlsd shall refuse rather than not understand.
func attribute(kind byte, value string) string {
	return string([]byte{0x80, kind, byte(len(value) >> 8), byte(len(value))}) + value
}

// ask makes a request about the connection, which nobody uses meanwhile. fd is -1, or takes its place.
func (c *Conn) ask(kind byte, body string) (found map[byte]string, fd int, err error) {
	lane, err := net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: *path, Net: "unixpacket"})
	if err != nil {
		return nil, -1, err
	}
	defer lane.Close()
	packet, control, size := make([]byte, 65536), make([]byte, 64), 16+len(body)
	lane.Read(packet) // the greeting
	head := []byte{'K', 'T', 1, kind, 0, 0, byte(size >> 8), byte(size), 15: 1}
	c.raw.Control(func(fd uintptr) {
		_, _, err = lane.WriteMsgUnix(append(head, body...), syscall.UnixRights(int(fd)), nil)
	})
	n, cn, _, _, _ := lane.ReadMsgUnix(packet, control)
	found, fd = map[byte]string{}, -1
	for at, end := 16, 0; at+4 <= n; at = end {
		end = at + 4 + int(binary.BigEndian.Uint16(packet[at+2:]))
		found[packet[at+1]] = string(packet[at+4 : end])
	}
	if cn >= syscall.CmsgLen(4) {
		fd = int(binary.LittleEndian.Uint32(control[syscall.CmsgLen(0):]))
	}
	if found[reason] != "\x00\x00" {
		err = errors.New("ktlsd: " + found[text])
	}
	return found, fd, err
}

// begin performs the handshake.
func (c *Conn) begin() (err error) {
	wanted := attribute(role, "\x00") + attribute(profile, *name) + attribute(alpn, "\x08http/1.1") +
		attribute(deadline, "\x00\x00\x75\x30") // milliseconds
	if *relay {
		wanted += attribute(records, "\x01")
	}
	c.raw, _ = c.Conn.(*net.TCPConn).SyscallConn()
	found, fd, err := c.ask(typeRequest, wanted)
	if err != nil {
		log.Print(c.RemoteAddr(), ": ", err)
		c.Conn.Close()
		return err
	}
	c.sealed.Store(found[session])
	c.max = binary.BigEndian.Uint64([]byte(found[recordsMax] + "\x00\x00\x00\x00\x00\x00\x00\x00"))
	if fd >= 0 { // a relay has the records: this takes the socket's place
		c.Conn.Close()
		file := os.NewFile(uintptr(fd), "relay")
		defer file.Close()
		c.Conn, err = net.FileConn(file)
	}
	c.open, c.relayed = err == nil, fd >= 0
	return err
}

// Read gives data, and deals with all else, for which reading says EIO.
func (c *Conn) Read(b []byte) (n int, err error) {
	if !c.open {
		err = c.begin()
	}
	for err == nil {
		if n, err = c.Conn.Read(b); err == nil || c.relayed {
			return n, err
		} else if err == io.EOF {
			err = io.ErrUnexpectedEOF // cut off: no close_notify
		} else if errors.Is(err, syscall.EIO) {
			err = c.notData()
		}
	}
	return 0, err
}

// notData takes a record. Messages may be spread over several, and a KeyUpdate is the last in its.
func (c *Conn) notData() (err error) {
	record, control, m := make([]byte, 16384), make([]byte, syscall.CmsgSpace(1)), c.message
	c.raw.Control(func(fd uintptr) {
		var n int
		if n, _, _, _, err = syscall.Recvmsg(int(fd), record, control, syscall.MSG_DONTWAIT); err == nil {
			m = append(m, record[:n]...)
		}
	})
	c.message = nil
	switch kind := control[syscall.CmsgLen(0)]; {
	case err != nil:
	case kind == alert && len(m) == 2 && m[1] == 0:
		err = io.EOF // close_notify
	case kind == handshake && (len(m) < 4 || len(m) < 4+int(m[1])<<16+int(m[2])<<8+int(m[3])):
		c.message = m // there is more to come
	case kind == handshake && len(m) == 5 && m[0] == 24: // KeyUpdate
		err = c.renew(rx)
		c.owed.CompareAndSwap(false, m[4] == 1)
	case kind == handshake && m[0] == 1 && c.sealed.Load() == "": // ClientHello, in TLS 1.2
		err = c.record(alert, "\x01\x64") // no_renegotiation
	default:
		err = errors.New("the client sent a record or message that is not for servers")
	}
	return err
}

// renew installs the key that follows. The one in force is the one that ktlsd has seen: nobody but we
// has the connection, and each direction is one goroutine's.
func (c *Conn) renew(direction byte) error {
	sealed := c.sealed.Load().(string) // any that there was will do; "" is refused
	found, _, err := c.ask(typeService, attribute(session, sealed)+attribute(renew, string(rune(direction))))
	keys := found[key+direction]
	if err == nil && direction == tx { // the last under the old key
		err = c.record(handshake, "\x18\x00\x00\x01\x00")
	}
	if err == nil {
		c.sealed.Store(found[session])
		k, value, iv := ciphers[keys[3]], keys[48:80], keys[80:92]
		info := "\x04\x03" + string(rune(k[0])) + "\x00" + iv[k[2]:] + value[:k[1]] + iv[:k[2]]
		c.raw.Control(func(fd uintptr) { // its first record has number 0
			err = syscall.SetsockoptString(int(fd), solTLS, int(direction), info+"\x00\x00\x00\x00\x00\x00\x00\x00")
		})
	}
	return err
}

// record sends one that is no data.
func (c *Conn) record(kind byte, content string) error {
	control, err := []byte{17, 8: solTLS & 0xff, 9: solTLS >> 8, 12: 1, 16: kind, 23: 0}, net.ErrClosed
	c.raw.Write(func(fd uintptr) bool {
		err = syscall.Sendmsg(int(fd), []byte(content), control, nil, syscall.MSG_NOSIGNAL)
		return err != syscall.EAGAIN
	})
	return err
}

// maintain is due before data: our new key, where the client has asked for one or it is time for it.
func (c *Conn) maintain(bytes int64) error {
	c.used += uint64(bytes>>14 + 1)
	if c.relayed || !(c.owed.Swap(false) || c.used > c.max/2 && c.max > 0) {
		return nil
	}
	c.used = 0
	return c.renew(tx)
}

func (c *Conn) Write(b []byte) (int, error) {
	if err := c.maintain(int64(len(b))); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// ReadFrom is what net/http calls for a file: TCPConn's is sendfile(2). A key has it in four parts or more.
func (c *Conn) ReadFrom(r io.Reader) (sum int64, err error) {
	file, ok := r.(*io.LimitedReader)
	if !ok {
		return io.Copy(struct{ io.Writer }{c}, r)
	}
	for err == nil && file.N > 0 {
		part := file.N
		if most := int64(c.max/4+1) << 14; c.max > 0 && part > most {
			part = most
		}
		if err = c.maintain(part); err == nil {
			part, err = io.CopyN(c.Conn, file.R, part)
			sum, file.N = sum+part, file.N-part
		}
	}
	return sum, err
}

// Close says close_notify (RFC 9846, 6.1), and reads the rest: unread bytes would make it a reset.
func (c *Conn) Close() error {
	if c.open && !c.relayed { // a relay does all that
		c.SetDeadline(time.Now().Add(5 * time.Second))
		c.record(alert, "\x01\x00")
		io.Copy(io.Discard, struct{ io.Reader }{c})
	}
	return c.Conn.Close()
}

// A Listener's connections have their handshakes before them: a slow client holds nobody up.
type Listener struct{ net.Listener }

func (l Listener) Accept() (net.Conn, error) {
	tcp, err := l.Listener.Accept()
	return &Conn{Conn: tcp}, err
}

func main() {
	flag.Parse()
	listener, err := net.Listen("tcp", *address)
	if err == nil {
		log.Print("https://", listener.Addr())
		err = http.Serve(Listener{listener}, http.FileServer(http.Dir(append(flag.Args(), ".")[0])))
	}
	log.Fatal(err)
}
