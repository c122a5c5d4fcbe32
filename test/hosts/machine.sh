#!/bin/bash
# First process of a test host: makes the namespaces that it was started in a machine of its own, and reaps what others
# leave. Takes the machine's folder and its name. /etc, /var and /run are the machine's own; everything else is shared.
set -e
folder=$1
name=$2
mount -t sysfs sysfs /sys
for part in etc var; do
  mkdir -p "$folder/$part" "$folder/.$part"
  mount -t overlay overlay -o "lowerdir=/$part,upperdir=$folder/$part,workdir=$folder/.$part" "/$part"
done
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock
# What another cloud on the real machine has is not this one's.
for other in /etc/openvswitch /var/lib/openvswitch /var/log/openvswitch /var/lib/nimbo; do
  mkdir -p "$other"
  mount -t tmpfs tmpfs "$other"
done
umount /var/lib/nimbo
rm -rf /var/lib/nimbo
hostname "$name"
echo "$name" > /etc/hostname
ip link set lo up
# Ignored, for the first process of a namespace gets no signal that it doesn't handle anyway; bash reaps orphans.
trap '' TERM INT HUP
touch "$folder/ready"
while :; do
  sleep 3600 &
  wait $!
done
