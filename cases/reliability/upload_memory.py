"""Sixteen packages of some 60 MB are uploaded at once to a server that is idle otherwise.
Right: what uploads hold in memory is bounded by pieces of them, not by the packages: the server grows by less than 100 MB at its
peak. It held 392 MB right after when it kept whole packages in memory."""
import gzip, http.client, io, os, tarfile, threading, time
from rig import Rig, verdict
MB, BOUND = 1_000_000, 100
def package(number):
    out = io.BytesIO()
    with gzip.open(out, "wb", compresslevel=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        content = os.urandom(1 << 16) * 915 + str(number).encode()
        entry = tarfile.TarInfo("data.bin"); entry.size = len(content); tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()
def resident(pid, what):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith(what): return int(line.split()[1]) * 1024 / MB
rig = Rig()
try:
    before, answers = resident(rig.server.pid, "VmRSS"), []
    def put(body):
        c = http.client.HTTPConnection("127.0.0.1", rig.port, timeout=280)
        c.request("POST", "/api/v1/packages", body, {"Authorization": "Bearer " + rig.key})
        answers.append(c.getresponse().status)
    uploads = [threading.Thread(target=put, args=(package(n),)) for n in range(16)]
    began = time.time()
    for upload in uploads: upload.start()
    for upload in uploads: upload.join()
    took, after, peak = time.time() - began, resident(rig.server.pid, "VmRSS"), resident(rig.server.pid, "VmHWM")
finally: rig.end()
verdict(answers == [201] * 16 and peak - before < BOUND,
        f"{answers.count(201)} of 16 taken in {took:.0f} s; before {before:.0f} MB, right after {after:.0f} MB, peak {peak:.0f} MB")
