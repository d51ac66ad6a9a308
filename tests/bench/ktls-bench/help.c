/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "tests/bench/ktls-bench/options.h"

void options_help(void)
{
	printf("usage: ktls-bench run [HOST --key-file FILE] [OPTION...]\n"
	       "       ktls-bench serve --key-file FILE [OPTION...]\n"
	       "       ktls-bench show FILE.json [--html FILE]\n"
	       "       ktls-bench compare A.json B.json [--json FILE]\n\n"
	       "  -m, --modes LIST       tcp,user,libssl,ktls-sw,ktls-hw,ktls-hw-zc (all)\n"
	       "  -p, --patterns LIST    write,sendfile,splice,more,request,churn (sendfile)\n"
	       "  -d, --direction LIST   to-client,to-server,both (to-client)\n"
	       "  -c, --connections N    at a time (1)       -t, --threads N   of each end (1)\n"
	       "  -r, --rounds N         (5)                 -D, --duration S  of a round (1)\n"
	       "  --warmup S (0.1)  --bytes N, a connection, or --count N (100)\n"
	       "  --size N,N,...         one after the other, and reports over sizes; or\n"
	       "  --file-size N (16M)  --object-size N (1K)  --write-size N  --record-size N\n"
	       "  --tls 1.2|1.3  --suite aes128|aes256|chacha20  --key-type ecdsa|rsa\n"
	       "  --cert FILE --key FILE --trust FILE --name NAME\n"
	       "  --socket PATH --profile NAME   handshakes by ktlsd\n"
	       "  --address A  --serve-netns NAME  --pin CPUS  --serve-pin CPUS\n"
	       "  --port N  --data-port N  --once\n"
	       "  --switch-offload       turn the device's offload on or off for each mode\n"
	       "  --verify all  --no-verify  --json FILE  --html FILE  --title TEXT  --base MODE\n"
	       "  -q, --quiet\n\n"
	       "ktls-bench(1) has the rest.\n");
}
