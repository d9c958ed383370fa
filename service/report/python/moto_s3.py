"""An S3 that is not Amazon's: prints its address when the bucket is there, and goes when standard input ends."""

import sys
import urllib.request

from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
url = f"http://127.0.0.1:{port}"
request = urllib.request.Request(f"{url}/lake", method="PUT", headers={"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request"})
urllib.request.urlopen(request).read()
print(url, flush=True)
sys.stdin.read()
server.stop()
