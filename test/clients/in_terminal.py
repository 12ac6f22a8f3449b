"""Runs a command in a terminal of its own, waits for a text, closes the terminal; prints how it ended.

argv: folder, text, command... One line of JSON: signal (0: none), code, output.
"""

import json
import os
import pty
import sys

folder, text, *command = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.chdir(folder)
    os.execvp(command[0], command)
output = b""
while text.encode() not in output:
    output += os.read(terminal, 65536)
os.close(terminal)
_, status = os.waitpid(pid, 0)
signal = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1
print(json.dumps({"signal": signal, "code": code, "output": output.decode(errors="replace")}))
