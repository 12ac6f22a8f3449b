"""Stops an ext4 file system as a loss of power would: EXT4_IOC_SHUTDOWN, _IOR('X', 125, __u32).

cut-power.py MOUNT_POINT FLAG    1: the journal is written out first, data is not; 2: nothing is

Prints the monotonic time in milliseconds right before and right after.
"""
import fcntl
import os
import struct
import sys
import time

EXT4_IOC_SHUTDOWN = 0x8004587D

descriptor = os.open(sys.argv[1], os.O_RDONLY)
before = time.monotonic_ns()
fcntl.ioctl(descriptor, EXT4_IOC_SHUTDOWN, struct.pack("I", int(sys.argv[2])))
print(before / 1e6, time.monotonic_ns() / 1e6)
