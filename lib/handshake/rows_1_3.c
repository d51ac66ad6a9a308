/* SPDX-License-Identifier: MIT */
/* The states of TLS 1.3: RFC 9846, A.1 and A.2. */
#include "lib/handshake/keys.h"
#include "lib/handshake/messages.h"
#include "lib/handshake/psk.h"
#include "lib/handshake/rows.h"

const struct row rows_1_3[STATES] = {
	/* client, A.1 */
	[CLIENT_GENERATE] = {
		.name = "client: make key share",
		.act = keys_generate, .next = CLIENT_SEND_HELLO,
	},
	[CLIENT_SEND_HELLO] = {
		.name = "client: send ClientHello",
		.send = MESSAGE_CLIENT_HELLO, .build = client_hello_build,
		.next = CLIENT_RECV_SERVER_HELLO,
	},
	[CLIENT_RECV_SERVER_HELLO] = {
		.name = "client: wait for ServerHello",
		.accept = {
			{ MESSAGE_SERVER_HELLO, MESSAGE_MAX, server_hello_recv, CLIENT_AGREE },
			{ MESSAGE_HELLO_RETRY, MESSAGE_MAX, hello_retry_recv, CLIENT_GENERATE_AGAIN },
		},
		.boundary = true, .legacy = CLIENT12_RESUME,
	},
	[CLIENT_GENERATE_AGAIN] = {
		.name = "client: make key share again",
		.act = keys_generate_again, .next = CLIENT_SEND_HELLO_AGAIN,
	},
	[CLIENT_SEND_HELLO_AGAIN] = {
		.name = "client: send second ClientHello",
		.send = MESSAGE_CLIENT_HELLO, .build = client_hello_build, .ccs = CCS_BEFORE,
		.next = CLIENT_RECV_SERVER_HELLO_AGAIN,
	},
	[CLIENT_RECV_SERVER_HELLO_AGAIN] = {
		.name = "client: wait for ServerHello after the retry",
		.accept = {
			{ MESSAGE_SERVER_HELLO, MESSAGE_MAX, server_hello_recv, CLIENT_AGREE },
			{ MESSAGE_HELLO_RETRY, MESSAGE_MAX, hello_retry_again, STATE_FAILED },
		},
		.boundary = true,
	},
	[CLIENT_AGREE] = {
		.name = "client: agree on the shared secret",
		.act = keys_agree, .next = CLIENT_HANDSHAKE_KEYS,
	},
	[CLIENT_HANDSHAKE_KEYS] = {
		.name = "client: handshake keys",
		.act = keys_handshake, .next = CLIENT_RECV_EXTENSIONS,
	},
	[CLIENT_RECV_EXTENSIONS] = {
		.name = "client: wait for EncryptedExtensions",
		.accept = {
			{ MESSAGE_ENCRYPTED_EXTENSIONS, MESSAGE_MAX, encrypted_extensions_recv,
			  CLIENT_RECV_CERTIFICATE_OR_REQUEST },
		},
		.resumed = CLIENT_RECV_FINISHED,
	},
	[CLIENT_RECV_CERTIFICATE_OR_REQUEST] = {
		.name = "client: wait for Certificate or CertificateRequest",
		.accept = {
			{ MESSAGE_CERTIFICATE, CERTIFICATE_MAX, certificate_recv,
			  CLIENT_RECV_CERTIFICATE_VERIFY },
			{ MESSAGE_CERTIFICATE_REQUEST, MESSAGE_MAX, certificate_request_recv,
			  CLIENT_RECV_CERTIFICATE },
		},
	},
	[CLIENT_RECV_CERTIFICATE] = {
		.name = "client: wait for Certificate",
		.accept = {
			{ MESSAGE_CERTIFICATE, CERTIFICATE_MAX, certificate_recv,
			  CLIENT_RECV_CERTIFICATE_VERIFY },
		},
	},
	[CLIENT_RECV_CERTIFICATE_VERIFY] = {
		.name = "client: wait for CertificateVerify",
		.accept = {
			{ MESSAGE_CERTIFICATE_VERIFY, MESSAGE_MAX, certificate_verify_recv,
			  CLIENT_RECV_FINISHED },
		},
	},
	[CLIENT_RECV_FINISHED] = {
		.name = "client: wait for Finished",
		.accept = {
			{ MESSAGE_FINISHED, FINISHED_MAX, finished_recv, CLIENT_APPLICATION_KEYS },
		},
		.boundary = true,
	},
	[CLIENT_APPLICATION_KEYS] = {
		.name = "client: application keys, to receive",
		.act = keys_application_client, .next = CLIENT_SEND_FINISHED,
		.alternative = CLIENT_CHOOSE,
	},
	[CLIENT_CHOOSE] = {
		.name = "client: choose a certificate",
		.act = keys_choose_client, .next = CLIENT_SEND_CERTIFICATE,
	},
	[CLIENT_SEND_CERTIFICATE] = {
		.name = "client: send Certificate",
		.send = MESSAGE_CERTIFICATE, .build = certificate_build, .ccs = CCS_BEFORE,
		.next = CLIENT_SIGN, .alternative = CLIENT_SEND_FINISHED,
	},
	[CLIENT_SIGN] = {
		.name = "client: sign",
		.act = certificate_verify_sign, .next = CLIENT_SEND_CERTIFICATE_VERIFY,
	},
	[CLIENT_SEND_CERTIFICATE_VERIFY] = {
		.name = "client: send CertificateVerify",
		.send = MESSAGE_CERTIFICATE_VERIFY, .build = certificate_verify_build,
		.next = CLIENT_SEND_FINISHED,
	},
	[CLIENT_SEND_FINISHED] = {
		.name = "client: send Finished",
		.send = MESSAGE_FINISHED, .build = finished_build, .ccs = CCS_BEFORE,
		.next = CLIENT_SWITCH_TX,
	},
	[CLIENT_SWITCH_TX] = {
		.name = "client: application keys, to send",
		.act = keys_finish_client, .next = STATE_DONE,
	},

	/* server, A.2 */
	[SERVER_RECV_HELLO] = {
		.name = "server: wait for ClientHello",
		.accept = {
			{ MESSAGE_CLIENT_HELLO, MESSAGE_MAX, client_hello_recv, SERVER_RESUME },
		},
		.boundary = true, .alternative = SERVER_SEND_RETRY, .legacy = SERVER12_OPEN_TICKET,
	},
	[SERVER_SEND_RETRY] = {
		.name = "server: send HelloRetryRequest",
		.send = MESSAGE_HELLO_RETRY, .build = hello_retry_build, .ccs = CCS_AFTER,
		.next = SERVER_RECV_HELLO_AGAIN,
	},
	[SERVER_RECV_HELLO_AGAIN] = {
		.name = "server: wait for second ClientHello",
		.accept = {
			{ MESSAGE_CLIENT_HELLO, MESSAGE_MAX, client_hello_recv, SERVER_RESUME },
		},
		.boundary = true,
	},
	[SERVER_RESUME] = {
		.name = "server: resume a session",
		.act = psk_accept, .next = SERVER_CHOOSE, .resumed = SERVER_GENERATE,
	},
	[SERVER_CHOOSE] = {
		.name = "server: choose a certificate",
		.act = keys_choose, .next = SERVER_GENERATE,
	},
	[SERVER_GENERATE] = {
		.name = "server: make key share",
		.act = keys_generate, .next = SERVER_AGREE,
	},
	[SERVER_AGREE] = {
		.name = "server: agree on the shared secret",
		.act = keys_agree, .next = SERVER_SEND_HELLO,
	},
	[SERVER_SEND_HELLO] = {
		.name = "server: send ServerHello",
		.send = MESSAGE_SERVER_HELLO, .build = server_hello_build, .ccs = CCS_AFTER,
		.next = SERVER_HANDSHAKE_KEYS,
	},
	[SERVER_HANDSHAKE_KEYS] = {
		.name = "server: handshake keys",
		.act = keys_handshake, .next = SERVER_SEND_EXTENSIONS,
	},
	[SERVER_SEND_EXTENSIONS] = {
		.name = "server: send EncryptedExtensions",
		.send = MESSAGE_ENCRYPTED_EXTENSIONS, .build = encrypted_extensions_build,
		.next = SERVER_SEND_CERTIFICATE, .alternative = SERVER_SEND_CERTIFICATE_REQUEST,
		.resumed = SERVER_PREDICT,
	},
	[SERVER_SEND_CERTIFICATE_REQUEST] = {
		.name = "server: send CertificateRequest",
		.send = MESSAGE_CERTIFICATE_REQUEST, .build = certificate_request_build,
		.next = SERVER_SEND_CERTIFICATE,
	},
	[SERVER_SEND_CERTIFICATE] = {
		.name = "server: send Certificate",
		.send = MESSAGE_CERTIFICATE, .build = certificate_build, .next = SERVER_SIGN,
	},
	[SERVER_SIGN] = {
		.name = "server: sign",
		.act = certificate_verify_sign, .next = SERVER_SEND_CERTIFICATE_VERIFY,
	},
	[SERVER_SEND_CERTIFICATE_VERIFY] = {
		.name = "server: send CertificateVerify",
		.send = MESSAGE_CERTIFICATE_VERIFY, .build = certificate_verify_build,
		.next = SERVER_PREDICT,
	},
	[SERVER_PREDICT] = {
		.name = "server: predict the client's Finished",
		.act = keys_predict, .next = SERVER_SEAL_TICKETS, .alternative = SERVER_SEND_FINISHED,
	},
	[SERVER_SEAL_TICKETS] = {
		.name = "server: seal a ticket",
		.act = tickets_seal, .next = SERVER_SEAL_TICKETS, .alternative = SERVER_SEND_FINISHED,
	},
	[SERVER_SEND_FINISHED] = {
		.name = "server: send Finished",
		.send = MESSAGE_FINISHED, .build = finished_build, .next = SERVER_APPLICATION_KEYS,
	},
	[SERVER_APPLICATION_KEYS] = {
		.name = "server: application keys, to send",
		.act = keys_application_server, .next = SERVER_SEND_TICKETS,
		.alternative = SERVER_RECV_CERTIFICATE,
	},
	[SERVER_SEND_TICKETS] = {
		.name = "server: send NewSessionTickets, before the client's Finished",
		.send = MESSAGE_NEW_SESSION_TICKET, .act = tickets_send, .next = SERVER_RECV_FINISHED,
	},
	[SERVER_RECV_CERTIFICATE] = {
		.name = "server: wait for Certificate",
		.accept = {
			{ MESSAGE_CERTIFICATE, CERTIFICATE_MAX, certificate_recv,
			  SERVER_RECV_CERTIFICATE_VERIFY },
		},
		.alternative = SERVER_RECV_FINISHED,
	},
	[SERVER_RECV_CERTIFICATE_VERIFY] = {
		.name = "server: wait for CertificateVerify",
		.accept = {
			{ MESSAGE_CERTIFICATE_VERIFY, MESSAGE_MAX, certificate_verify_recv,
			  SERVER_RECV_FINISHED },
		},
	},
	[SERVER_RECV_FINISHED] = {
		.name = "server: wait for Finished",
		.accept = {
			{ MESSAGE_FINISHED, FINISHED_MAX, finished_recv, SERVER_SWITCH_RX },
		},
		.boundary = true,
	},
	[SERVER_SWITCH_RX] = {
		.name = "server: application keys, to receive",
		.act = keys_finish_server, .next = STATE_DONE, .alternative = SERVER_SEAL_TICKETS_LATE,
	},
	[SERVER_SEAL_TICKETS_LATE] = {
		.name = "server: seal a ticket, behind the client's Finished",
		.act = tickets_seal, .next = SERVER_SEAL_TICKETS_LATE,
		.alternative = SERVER_SEND_TICKETS_LATE,
	},
	[SERVER_SEND_TICKETS_LATE] = {
		.name = "server: send NewSessionTickets, behind the client's Finished",
		.send = MESSAGE_NEW_SESSION_TICKET, .act = tickets_send, .next = STATE_DONE,
	},

	[STATE_DONE] = { .name = "done" },
	[STATE_FAILED] = { .name = "failed" },
};
