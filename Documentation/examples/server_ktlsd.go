// SPDX-License-Identifier: MIT

// What server.go needs of ktlsd, a Unix socket with requests that carry a descriptor
// (Documentation/handoff-protocol.md), and of the kernel: keys, and records that are no data.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"unsafe"
)

// The hand-off protocol, as far as a server needs it: Documentation/handoff-protocol.md.
const (
	typeRequest, typeReply, typeService                        = 2, 3, 5
	attrSession, attrRole, attrProfile, attrRecords, attrRenew = 2, 16, 17, 19, 26
	attrReason, attrText, attrKey, attrRecordsMax              = 32, 35, 53, 56 // attrKey + tx or rx
)

type reply struct {
	attributes map[uint16][]byte
	fd         int // -1, or what takes the socket's place: a relay has the records
}

// attribute appends one that ktlsd shall refuse rather than not understand.
func attribute(to []byte, kind uint16, value []byte) []byte {
	to = binary.BigEndian.AppendUint16(to, kind|0x8000)
	return append(binary.BigEndian.AppendUint16(to, uint16(len(value))), value...)
}

// Ktlsd, for any number of goroutines. A lane is a connection to one of its workers.
type Ktlsd struct {
	path string
	mu   sync.Mutex
	last uint64
	lane *lane // nil: the next request opens one
}

type lane struct {
	*net.UnixConn
	waiting map[uint64]chan reply
}

// collect hands out replies, which come in the order in which handshakes end.
func (k *Ktlsd) collect(l *lane) {
	packet, control := make([]byte, 65536), make([]byte, 64)
	for {
		n, cn, _, _, _ := l.ReadMsgUnix(packet, control)
		k.mu.Lock()
		if n < 16 { // the worker has ended: what it has not answered is lost
			k.leave(l)
			for _, waiter := range l.waiting {
				close(waiter)
			}
			k.mu.Unlock()
			l.Close()
			return
		}
		r := reply{map[uint16][]byte{}, -1}
		for at := 16; at+4 <= n; {
			end := at + 4 + int(binary.BigEndian.Uint16(packet[at+2:]))
			r.attributes[binary.BigEndian.Uint16(packet[at:])&0x7fff] = append([]byte(nil), packet[at+4:end]...)
			at = end
		}
		if messages, _ := syscall.ParseSocketControlMessage(control[:cn]); len(messages) == 1 {
			fds, _ := syscall.ParseUnixRights(&messages[0])
			r.fd = fds[0]
		}
		id := binary.BigEndian.Uint64(packet[8:])
		if waiter := l.waiting[id]; packet[3] == typeReply && waiter != nil {
			delete(l.waiting, id)
			waiter <- r
		}
		k.mu.Unlock()
	}
}

// leave sees to it that the next request goes elsewhere; replies still come.
func (k *Ktlsd) leave(l *lane) {
	if k.lane == l {
		k.lane = nil
	}
}

// send gives a request to the lane, a new one where there is none.
func (k *Ktlsd) send(kind byte, fd uintptr, attributes []byte) (chan reply, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.lane == nil {
		conn, err := net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: k.path, Net: "unixpacket"})
		if err != nil {
			return nil, err
		}
		if _, err := conn.Read(make([]byte, 65536)); err != nil { // the greeting
			return nil, err
		}
		k.lane = &lane{conn, map[uint64]chan reply{}}
		go k.collect(k.lane)
	}
	k.last++
	packet := append([]byte{'K', 'T', 1, kind}, make([]byte, 12)...)
	binary.BigEndian.PutUint32(packet[4:], uint32(16+len(attributes)))
	binary.BigEndian.PutUint64(packet[8:], k.last)
	waiter := make(chan reply, 1)
	k.lane.waiting[k.last] = waiter
	_, _, err := k.lane.WriteMsgUnix(append(packet, attributes...), syscall.UnixRights(int(fd)), nil)
	if err != nil { // it takes no more requests, for ktlsd has a new configuration
		delete(k.lane.waiting, k.last)
		k.leave(k.lane)
	}
	return waiter, err
}

// Ask returns the reply. Nobody reads or writes the socket meanwhile.
func (k *Ktlsd) Ask(kind byte, raw syscall.RawConn, attributes []byte) (r reply, err error) {
	for try := 0; try < 3; try++ {
		var waiter chan reply
		raw.Control(func(fd uintptr) { waiter, err = k.send(kind, fd, attributes) })
		if err != nil {
			continue
		}
		r, ok := <-waiter
		if !ok {
			return r, errors.New("ktlsd: the worker has ended")
		}
		if reason := binary.BigEndian.Uint16(r.attributes[attrReason]); reason != 0 {
			return r, fmt.Errorf("ktlsd: reason %d %s", reason, r.attributes[attrText])
		}
		return r, nil
	}
	return r, err
}

// SOL_TLS of <linux/tls.h>; types of records, and of messages (RFC 9846, 5.1 and 4).
const (
	solTLS, tx, rx         = 282, 1, 2
	alert, handshake, data = 21, 22, 23
	clientHello, keyUpdate = 1, 24
	piece                  = 1 << 30 // bytes between two looks at how much a key has protected
)

// info is what the kernel wants of one of the keys in KEY_TX or KEY_RX: the record number is 0.
func info(keys []byte, at int) []byte {
	cipher, size, salt := 51, 16, 4 // AES-128-GCM
	switch binary.BigEndian.Uint16(keys[2:]) {
	case 0x1302:
		cipher, size = 52, 32
	case 0x1303:
		cipher, size, salt = 54, 32, 0
	}
	iv := keys[at+32 : at+44]
	out := append([]byte{4, 3, byte(cipher), 0}, iv[salt:]...) // little-endian machines
	out = append(append(out, keys[at:at+size]...), iv[:salt]...)
	return append(out, make([]byte, 8)...)
}

// get is getsockopt(SOL_TLS): the key in force, and behind it the number of the next record.
func (c *Conn) get(direction, size int) (value []byte, err error) {
	value = make([]byte, size)
	c.raw.Control(func(fd uintptr) {
		n := uint32(size)
		if _, _, e := syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, solTLS, uintptr(direction),
			uintptr(unsafe.Pointer(&value[0])), uintptr(unsafe.Pointer(&n)), 0); e != 0 {
			err = e
		}
	})
	return
}

// record sends one that is no data.
func (c *Conn) record(kind byte, content []byte) (err error) {
	control := make([]byte, syscall.CmsgSpace(1))
	head := (*syscall.Cmsghdr)(unsafe.Pointer(&control[0]))
	head.Level, head.Type = solTLS, 1 // TLS_SET_RECORD_TYPE
	head.SetLen(syscall.CmsgLen(1))
	control[syscall.CmsgLen(0)] = kind
	c.raw.Write(func(fd uintptr) bool {
		err = syscall.Sendmsg(int(fd), content, control, nil, syscall.MSG_NOSIGNAL)
		return err != syscall.EAGAIN
	})
	return
}
