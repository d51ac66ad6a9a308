/* SPDX-License-Identifier: MIT */
/* The states of TLS 1.2 behind the hellos: RFC 5246, 7.3. */
#include "lib/handshake/keys.h"
#include "lib/handshake/messages.h"
#include "lib/handshake/resume_1_2.h"
#include "lib/handshake/rows.h"

const struct row rows_1_2[STATES] = {
	[CLIENT12_RESUME] = {
		.name = "client 1.2: see whether the session is resumed",
		.act = resume_1_2_client, .next = CLIENT12_RECV_CERTIFICATE,
		.alternative = CLIENT12_RESUMED_KEYS,
	},
	[CLIENT12_RECV_CERTIFICATE] = {
		.name = "client 1.2: wait for Certificate",
		.accept = {
			{ MESSAGE_CERTIFICATE, CERTIFICATE_MAX, certificate_1_2_recv,
			  CLIENT12_EXCHANGE },
		},
	},
	[CLIENT12_EXCHANGE] = {
		.name = "client 1.2: which key exchange",
		.act = keys_1_2_exchange, .next = CLIENT12_RECV_KEY_EXCHANGE,
		.alternative = CLIENT12_RECV_REQUEST_OR_DONE,
	},
	[CLIENT12_RECV_KEY_EXCHANGE] = {
		.name = "client 1.2: wait for ServerKeyExchange",
		.accept = {
			{ MESSAGE_SERVER_KEY_EXCHANGE, MESSAGE_MAX, server_key_exchange_recv,
			  CLIENT12_RECV_REQUEST_OR_DONE },
		},
	},
	[CLIENT12_RECV_REQUEST_OR_DONE] = {
		.name = "client 1.2: wait for CertificateRequest or ServerHelloDone",
		.accept = {
			{ MESSAGE_CERTIFICATE_REQUEST, MESSAGE_MAX, certificate_request_1_2_recv,
			  CLIENT12_RECV_DONE },
			{ MESSAGE_SERVER_HELLO_DONE, MESSAGE_MAX, server_hello_done_recv, CLIENT12_GENERATE },
		},
	},
	[CLIENT12_RECV_DONE] = {
		.name = "client 1.2: wait for ServerHelloDone",
		.accept = {
			{ MESSAGE_SERVER_HELLO_DONE, MESSAGE_MAX, server_hello_done_recv, CLIENT12_GENERATE },
		},
		.alternative = CLIENT12_CHOOSE,
	},
	[CLIENT12_CHOOSE] = {
		.name = "client 1.2: choose a certificate",
		.act = keys_choose_client, .next = CLIENT12_SEND_CERTIFICATE,
	},
	[CLIENT12_SEND_CERTIFICATE] = {
		.name = "client 1.2: send Certificate",
		.send = MESSAGE_CERTIFICATE, .build = certificate_1_2_build,
		.next = CLIENT12_GENERATE,
	},
	[CLIENT12_GENERATE] = {
		.name = "client 1.2: make key share",
		.act = keys_1_2_generate_client, .next = CLIENT12_AGREE,
	},
	[CLIENT12_AGREE] = {
		.name = "client 1.2: agree on the premaster secret",
		.act = keys_1_2_agree, .next = CLIENT12_SEND_KEY_EXCHANGE,
	},
	[CLIENT12_SEND_KEY_EXCHANGE] = {
		.name = "client 1.2: send ClientKeyExchange",
		.send = MESSAGE_CLIENT_KEY_EXCHANGE, .build = client_key_exchange_build,
		.next = CLIENT12_KEYS,
	},
	[CLIENT12_KEYS] = {
		.name = "client 1.2: master secret and keys",
		.act = keys_1_2_derive, .next = CLIENT12_SEND_CCS,
		.alternative = CLIENT12_SIGN,
	},
	[CLIENT12_SIGN] = {
		.name = "client 1.2: sign",
		.act = certificate_verify_1_2_sign, .next = CLIENT12_SEND_CERTIFICATE_VERIFY,
	},
	[CLIENT12_SEND_CERTIFICATE_VERIFY] = {
		.name = "client 1.2: send CertificateVerify",
		.send = MESSAGE_CERTIFICATE_VERIFY, .build = certificate_verify_build,
		.next = CLIENT12_SEND_CCS,
	},
	[CLIENT12_SEND_CCS] = {
		.name = "client 1.2: send change_cipher_spec",
		.act = keys_1_2_switch_tx, .next = CLIENT12_SEND_FINISHED,
	},
	[CLIENT12_SEND_FINISHED] = {
		.name = "client 1.2: send Finished",
		.send = MESSAGE_FINISHED, .build = finished_1_2_build, .next = CLIENT12_RECV_CCS,
		.alternative = CLIENT12_RECV_TICKET,
	},
	[CLIENT12_RECV_TICKET] = {
		.name = "client 1.2: wait for NewSessionTicket",
		.accept = {
			{ MESSAGE_NEW_SESSION_TICKET, MESSAGE_MAX, new_session_ticket_1_2_recv,
			  CLIENT12_RECV_CCS },
		},
	},
	[CLIENT12_RECV_CCS] = {
		.name = "client 1.2: wait for change_cipher_spec",
		.ccs_in = true, .act = keys_1_2_switch_rx, .next = CLIENT12_RECV_FINISHED,
	},
	[CLIENT12_RECV_FINISHED] = {
		.name = "client 1.2: wait for Finished",
		.accept = {
			{ MESSAGE_FINISHED, FINISHED_MAX, finished_1_2_recv, CLIENT12_KEEP },
		},
		.boundary = true,
	},
	[CLIENT12_KEEP] = {
		.name = "client 1.2: keep the session",
		.act = resume_1_2_keep, .next = STATE_DONE,
	},

	/* the abbreviated handshake */
	[CLIENT12_RESUMED_KEYS] = {
		.name = "client 1.2: keys of the resumed session",
		.act = resume_1_2_client_keys, .next = CLIENT12_RESUMED_RECV_CCS,
		.alternative = CLIENT12_RESUMED_RECV_TICKET,
	},
	[CLIENT12_RESUMED_RECV_TICKET] = {
		.name = "client 1.2: wait for NewSessionTicket, resumed",
		.accept = {
			{ MESSAGE_NEW_SESSION_TICKET, MESSAGE_MAX, new_session_ticket_1_2_recv,
			  CLIENT12_RESUMED_RECV_CCS },
		},
	},
	[CLIENT12_RESUMED_RECV_CCS] = {
		.name = "client 1.2: wait for change_cipher_spec, resumed",
		.ccs_in = true, .act = keys_1_2_switch_rx, .next = CLIENT12_RESUMED_RECV_FINISHED,
	},
	[CLIENT12_RESUMED_RECV_FINISHED] = {
		.name = "client 1.2: wait for Finished, resumed",
		.accept = {
			{ MESSAGE_FINISHED, FINISHED_MAX, finished_1_2_recv,
			  CLIENT12_RESUMED_SEND_CCS },
		},
		.boundary = true,
	},
	[CLIENT12_RESUMED_SEND_CCS] = {
		.name = "client 1.2: send change_cipher_spec, resumed",
		.act = keys_1_2_switch_tx, .next = CLIENT12_RESUMED_SEND_FINISHED,
	},
	[CLIENT12_RESUMED_SEND_FINISHED] = {
		.name = "client 1.2: send Finished, resumed",
		.send = MESSAGE_FINISHED, .build = finished_1_2_build, .next = CLIENT12_KEEP,
	},

	[SERVER12_OPEN_TICKET] = {
		.name = "server 1.2: open the ticket",
		.act = resume_1_2_open, .next = SERVER12_RESUME,
	},
	[SERVER12_RESUME] = {
		.name = "server 1.2: see whether the session is resumed",
		.act = resume_1_2_server, .next = SERVER12_CHOOSE,
		.alternative = SERVER12_RESUMED_SEND_HELLO,
	},
	[SERVER12_CHOOSE] = {
		.name = "server 1.2: choose a certificate",
		.act = keys_1_2_choose, .next = SERVER12_CHOOSE_RSA,
	},
	[SERVER12_CHOOSE_RSA] = {
		.name = "server 1.2: choose a certificate that decrypts, if need be",
		.act = keys_1_2_choose_rsa, .next = SERVER12_SUITE,
	},
	[SERVER12_SUITE] = {
		.name = "server 1.2: choose a suite for its key",
		.act = keys_1_2_suite, .next = SERVER12_SEND_HELLO,
	},
	[SERVER12_SEND_HELLO] = {
		.name = "server 1.2: send ServerHello",
		.send = MESSAGE_SERVER_HELLO_1_2, .build = server_hello_1_2_build,
		.next = SERVER12_SEND_CERTIFICATE,
	},
	[SERVER12_SEND_CERTIFICATE] = {
		.name = "server 1.2: send Certificate",
		.send = MESSAGE_CERTIFICATE, .build = certificate_1_2_build,
		.next = SERVER12_EXCHANGE,
	},
	[SERVER12_EXCHANGE] = {
		.name = "server 1.2: which key exchange",
		.act = keys_1_2_exchange, .next = SERVER12_GENERATE,
		.alternative = SERVER12_REQUEST,
	},
	[SERVER12_GENERATE] = {
		.name = "server 1.2: make key share",
		.act = keys_generate, .next = SERVER12_SIGN,
	},
	[SERVER12_SIGN] = {
		.name = "server 1.2: sign",
		.act = server_key_exchange_sign, .next = SERVER12_SEND_KEY_EXCHANGE,
	},
	[SERVER12_SEND_KEY_EXCHANGE] = {
		.name = "server 1.2: send ServerKeyExchange",
		.send = MESSAGE_SERVER_KEY_EXCHANGE, .build = server_key_exchange_build,
		.next = SERVER12_REQUEST,
	},
	[SERVER12_REQUEST] = {
		.name = "server 1.2: whether to ask for a certificate",
		.act = keys_1_2_request, .next = SERVER12_SEND_DONE,
		.alternative = SERVER12_SEND_REQUEST,
	},
	[SERVER12_SEND_REQUEST] = {
		.name = "server 1.2: send CertificateRequest",
		.send = MESSAGE_CERTIFICATE_REQUEST, .build = certificate_request_1_2_build,
		.next = SERVER12_SEND_DONE,
	},
	[SERVER12_SEND_DONE] = {
		.name = "server 1.2: send ServerHelloDone",
		.send = MESSAGE_SERVER_HELLO_DONE, .build = server_hello_done_build,
		.next = SERVER12_RECV_KEY_EXCHANGE, .alternative = SERVER12_RECV_CERTIFICATE,
	},
	[SERVER12_RECV_CERTIFICATE] = {
		.name = "server 1.2: wait for Certificate",
		.accept = {
			{ MESSAGE_CERTIFICATE, CERTIFICATE_MAX, certificate_1_2_recv,
			  SERVER12_RECV_KEY_EXCHANGE },
		},
	},
	[SERVER12_RECV_KEY_EXCHANGE] = {
		.name = "server 1.2: wait for ClientKeyExchange",
		.accept = {
			{ MESSAGE_CLIENT_KEY_EXCHANGE, MESSAGE_MAX, client_key_exchange_recv,
			  SERVER12_AGREE },
		},
	},
	[SERVER12_AGREE] = {
		.name = "server 1.2: agree on the premaster secret",
		.act = keys_1_2_agree, .next = SERVER12_KEYS,
	},
	[SERVER12_KEYS] = {
		.name = "server 1.2: master secret and keys",
		.act = keys_1_2_derive, .next = SERVER12_RECV_CCS,
		.alternative = SERVER12_RECV_CERTIFICATE_VERIFY,
	},
	[SERVER12_RECV_CERTIFICATE_VERIFY] = {
		.name = "server 1.2: wait for CertificateVerify",
		.accept = {
			{ MESSAGE_CERTIFICATE_VERIFY, MESSAGE_MAX, certificate_verify_1_2_recv,
			  SERVER12_RECV_CCS },
		},
	},
	[SERVER12_RECV_CCS] = {
		.name = "server 1.2: wait for change_cipher_spec",
		.ccs_in = true, .act = keys_1_2_switch_rx, .next = SERVER12_RECV_FINISHED,
	},
	[SERVER12_RECV_FINISHED] = {
		.name = "server 1.2: wait for Finished",
		.accept = {
			{ MESSAGE_FINISHED, FINISHED_MAX, finished_1_2_recv, SERVER12_SEND_CCS },
		},
		.boundary = true, .alternative = SERVER12_SEAL_TICKET,
	},
	[SERVER12_SEAL_TICKET] = {
		.name = "server 1.2: make a ticket",
		.act = resume_1_2_seal, .next = SERVER12_SEND_TICKET,
	},
	[SERVER12_SEND_TICKET] = {
		.name = "server 1.2: send NewSessionTicket",
		.send = MESSAGE_NEW_SESSION_TICKET, .build = new_session_ticket_1_2_build,
		.next = SERVER12_SEND_CCS,
	},
	[SERVER12_SEND_CCS] = {
		.name = "server 1.2: send change_cipher_spec",
		.act = keys_1_2_switch_tx, .next = SERVER12_SEND_FINISHED,
	},
	[SERVER12_SEND_FINISHED] = {
		.name = "server 1.2: send Finished",
		.send = MESSAGE_FINISHED, .build = finished_1_2_build, .next = STATE_DONE,
	},

	/* the abbreviated handshake */
	[SERVER12_RESUMED_SEND_HELLO] = {
		.name = "server 1.2: send ServerHello, resumed",
		.send = MESSAGE_SERVER_HELLO_1_2, .build = server_hello_1_2_build,
		.next = SERVER12_RESUMED_KEYS,
	},
	[SERVER12_RESUMED_KEYS] = {
		.name = "server 1.2: keys of the resumed session",
		.act = resume_1_2_server_keys, .next = SERVER12_RESUMED_SEND_CCS,
	},
	[SERVER12_RESUMED_SEND_CCS] = {
		.name = "server 1.2: send change_cipher_spec, resumed",
		.act = keys_1_2_switch_tx, .next = SERVER12_RESUMED_SEND_FINISHED,
	},
	[SERVER12_RESUMED_SEND_FINISHED] = {
		.name = "server 1.2: send Finished, resumed",
		.send = MESSAGE_FINISHED, .build = finished_1_2_build,
		.next = SERVER12_RESUMED_RECV_CCS,
	},
	[SERVER12_RESUMED_RECV_CCS] = {
		.name = "server 1.2: wait for change_cipher_spec, resumed",
		.ccs_in = true, .act = keys_1_2_switch_rx, .next = SERVER12_RESUMED_RECV_FINISHED,
	},
	[SERVER12_RESUMED_RECV_FINISHED] = {
		.name = "server 1.2: wait for Finished, resumed",
		.accept = {
			{ MESSAGE_FINISHED, FINISHED_MAX, finished_1_2_recv, STATE_DONE },
		},
		.boundary = true,
	},
};
