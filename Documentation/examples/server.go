// SPDX-License-Identifier: MIT

// Serves the files of a folder over HTTPS with Go's net/http, without crypto/tls.
//
// usage: server [-ktlsd PATH] [-profile NAME] [-listen ADDRESS] [FOLDER]
//
// ktlsd performs the handshakes. What http.Server gets from our listener are plain TCP connections
// whose records the kernel encrypts: http.FileServer uses sendfile(2) on them, as it does on TCP.
//
//	go build server.go && ./server -listen :4433 /srv/www
//	curl --cacert ca.pem https://localhost:4433/file
package main

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// The hand-off protocol, as far as a server needs it: Documentation/handoff-protocol.md.
const (
	typeRequest, typeReply                        = 2, 3
	attrRole, attrProfile, attrDeadline, attrALPN = 16, 17, 18, 21
	attrReason, attrText                          = 32, 35
	mandatory                                     = 0x8000 // ktlsd shall refuse what it does not know
)

// Ktlsd, for any number of goroutines.
type Ktlsd struct {
	path, profile string
	mu            sync.Mutex
	last          uint64
	lane          *lane // nil: the next request opens one
}

// A connection to one of ktlsd's workers.
type lane struct {
	conn    *net.UnixConn
	waiting map[uint64]chan error
}

func Dial(path, profile string) (*Ktlsd, error) {
	k := &Ktlsd{path: path, profile: profile}
	return k, k.open()
}

// open makes the lane. The caller holds the lock, if there is anybody else yet.
func (k *Ktlsd) open() error {
	conn, err := net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: k.path, Net: "unixpacket"})
	if err != nil {
		return err
	}
	if _, err := conn.Read(make([]byte, 65536)); err != nil { // the greeting
		conn.Close()
		return err
	}
	k.lane = &lane{conn, map[uint64]chan error{}}
	go k.collect(k.lane)
	return nil
}

// leave sees to it that the next request goes elsewhere; replies still come.
func (k *Ktlsd) leave(l *lane) {
	if k.lane == l {
		k.lane = nil
	}
}

// collect hands out replies, which come in the order in which handshakes end.
func (k *Ktlsd) collect(l *lane) {
	packet := make([]byte, 65536)
	for {
		n, _ := l.conn.Read(packet)
		k.mu.Lock()
		if n < 16 { // the worker has ended: what it has not answered is lost
			k.leave(l)
			for _, reply := range l.waiting {
				reply <- errors.New("ktlsd: the worker has ended")
			}
			k.mu.Unlock()
			l.conn.Close()
			return
		}
		id := binary.BigEndian.Uint64(packet[8:])
		if reply := l.waiting[id]; packet[3] == typeReply && reply != nil {
			delete(l.waiting, id)
			reply <- outcome(packet[16:n])
		}
		k.mu.Unlock()
	}
}

// outcome is nil, or why there is no TLS on the socket.
func outcome(attributes []byte) error {
	reason, text := 0, ""
	for len(attributes) >= 4 {
		kind := binary.BigEndian.Uint16(attributes) &^ mandatory
		size := int(binary.BigEndian.Uint16(attributes[2:]))
		value := attributes[4 : 4+size]
		switch kind {
		case attrReason:
			reason = int(binary.BigEndian.Uint16(value))
		case attrText:
			text = string(value)
		}
		attributes = attributes[4+size:]
	}
	if reason == 0 {
		return nil
	}
	return fmt.Errorf("ktlsd: reason %d %s", reason, text)
}

func attribute(packet []byte, kind int, value []byte) []byte {
	head := []byte{byte((kind | mandatory) >> 8), byte(kind), byte(len(value) >> 8), byte(len(value))}
	return append(append(packet, head...), value...)
}

func (k *Ktlsd) request(id uint64, deadline time.Duration) []byte {
	var ms [4]byte
	binary.BigEndian.PutUint32(ms[:], uint32(deadline.Milliseconds()))
	packet := append([]byte("KT\x01\x02"), make([]byte, 12)...)
	packet = attribute(packet, attrRole, []byte{0})
	packet = attribute(packet, attrProfile, []byte(k.profile))
	packet = attribute(packet, attrDeadline, ms[:])
	packet = attribute(packet, attrALPN, []byte("\x08http/1.1"))
	binary.BigEndian.PutUint32(packet[4:], uint32(len(packet)))
	binary.BigEndian.PutUint64(packet[8:], id)
	return packet
}

// Handshake returns when the connection has its keys. Nobody reads or writes it meanwhile. Where a
// worker takes no more requests, for ktlsd has a new configuration, sending fails: the next lane
// leads to another one.
func (k *Ktlsd) Handshake(conn *net.TCPConn, deadline time.Duration) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	for try := 0; try < 3; try++ {
		reply := make(chan error, 1)
		k.mu.Lock()
		if k.lane == nil {
			if err := k.open(); err != nil {
				k.mu.Unlock()
				return err
			}
		}
		l := k.lane
		k.last++
		id := k.last
		l.waiting[id] = reply
		k.mu.Unlock()
		sent := errors.New("closed")
		if err := raw.Control(func(fd uintptr) {
			_, _, sent = l.conn.WriteMsgUnix(k.request(id, deadline), syscall.UnixRights(int(fd)), nil)
		}); err != nil {
			return err
		}
		if sent == nil {
			return <-reply
		}
		k.mu.Lock()
		delete(l.waiting, id)
		k.leave(l)
		k.mu.Unlock()
	}
	return errors.New("ktlsd: takes no requests")
}

// A connection with TLS in the kernel. Embedding TCPConn keeps its ReadFrom, and so sendfile.
type Conn struct {
	*net.TCPConn
}

// Close says close_notify (RFC 9846, 6.1) before: the peer knows that it has got everything.
func (c Conn) Close() error {
	if raw, err := c.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { closeNotify(int(fd)) })
	}
	return c.TCPConn.Close()
}

func closeNotify(fd int) {
	const solTLS, setRecordType, alert = 282, 1, 21
	control := make([]byte, syscall.CmsgSpace(1))
	head := (*syscall.Cmsghdr)(unsafe.Pointer(&control[0]))
	head.Level, head.Type = solTLS, setRecordType
	head.SetLen(syscall.CmsgLen(1))
	control[syscall.CmsgLen(0)] = alert
	_ = syscall.Sendmsg(fd, []byte{1, 0}, control, nil, syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL)
}

// A Listener gives out connections whose handshakes are done: a slow peer holds nobody up.
type Listener struct {
	*net.TCPListener
	ktlsd *Ktlsd
	done  chan net.Conn
}

func Listen(address string, k *Ktlsd) (*Listener, error) {
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	l := &Listener{tcp.(*net.TCPListener), k, make(chan net.Conn)}
	go l.run()
	return l, nil
}

func (l *Listener) run() {
	for {
		conn, err := l.AcceptTCP()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			if err := l.ktlsd.Handshake(conn, 10*time.Second); err != nil {
				log.Print(conn.RemoteAddr(), ": ", err)
				conn.Close()
				return
			}
			l.done <- Conn{conn}
		}()
	}
}

func (l *Listener) Accept() (net.Conn, error) {
	return <-l.done, nil
}

func main() {
	path := flag.String("ktlsd", "/run/ktlsd/ktlsd.sock", "path of ktlsd's socket")
	profile := flag.String("profile", "default", "section of ktlsd's configuration")
	address := flag.String("listen", ":4433", "address and port")
	flag.Parse()
	folder := "."
	if flag.NArg() > 0 {
		folder = flag.Arg(0)
	}
	ktlsd, err := Dial(*path, *profile)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := Listen(*address, ktlsd)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintf(os.Stderr, "https://%s/\n", listener.Addr())
	log.Fatal(http.Serve(listener, http.FileServer(http.Dir(folder))))
}
