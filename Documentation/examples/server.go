// SPDX-License-Identifier: MIT

// Serves the files of a folder over HTTPS with Go's net/http, without crypto/tls and without libktls.
//
//	go build server.go server_conn.go server_ktlsd.go
//	./server [-ktlsd PATH] [-profile NAME] [-relay] [-listen ADDRESS] [FOLDER]
//	curl --cacert ca.pem https://localhost:4433/file
//
// ktlsd performs the handshakes. What http.Server gets from our listener are connections whose
// records the kernel encrypts: http.FileServer uses sendfile(2) on them, as it does on TCP.
// server_conn.go has what is due after the handshake, server_ktlsd.go how ktlsd is talked to. -relay:
// where the kernel has no TLS, a process of ktlsd may carry the records.
package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
)

// A Listener gives out connections whose handshakes are done: a slow client holds nobody up.
type Listener struct {
	*net.TCPListener
	done chan net.Conn
}

func Listen(address string, k *Ktlsd, wanted []byte) (*Listener, error) {
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	l := &Listener{tcp.(*net.TCPListener), make(chan net.Conn)}
	go l.run(k, wanted)
	return l, nil
}

func (l *Listener) run(k *Ktlsd, wanted []byte) {
	for {
		tcp, err := l.AcceptTCP()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			c, err := NewConn(k, tcp, wanted)
			if err != nil {
				log.Print(tcp.RemoteAddr(), ": ", err)
				tcp.Close()
				return
			}
			l.done <- c
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
	relay := flag.Bool("relay", false, "a process of ktlsd may carry the records")
	flag.Parse()
	folder := "."
	if flag.NArg() > 0 {
		folder = flag.Arg(0)
	}
	wanted := attribute(attribute(nil, attrRole, []byte{0}), attrProfile, []byte(*profile))
	wanted = attribute(wanted, 18, binary.BigEndian.AppendUint32(nil, 30000)) // DEADLINE, milliseconds
	if *relay {
		wanted = attribute(wanted, attrRecords, []byte{1})
	}
	listener, err := Listen(*address, &Ktlsd{path: *path}, attribute(wanted, 21, []byte("\x08http/1.1")))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintf(os.Stderr, "https://%s/\n", listener.Addr())
	log.Fatal(http.Serve(listener, http.FileServer(http.Dir(folder))))
}
