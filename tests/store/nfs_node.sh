#!/bin/sh
# The first process of a virtual machine: the NFS server (node 0), or a client that runs nfs_job.py.
# Arguments: number of the node, folder of the test, Python, options of the mount, exported path.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C HOME=/root PYTHONDONTWRITEBYTECODE=1
node=$1 here=$2 python=$3 options=$4 exported=$5 tests=$6
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs run /run
mount -t tmpfs nfs /var/lib/nfs
hostname "node$node"
ip link set lo up
ip address add "10.77.0.1$node/24" dev vec0
ip link set vec0 up
load() { modprobe -d "$here/root" -S "$(uname -r)" "$1"; }

if [ "$node" = 0 ]; then
    load nfsd
    mkdir -p /var/lib/nfs/v4recovery /run/rpcbind /run/export
    mount -t nfsd nfsd /proc/fs/nfsd
    mount -t tmpfs export /run/export
    touch /var/lib/nfs/etab /var/lib/nfs/rmtab
    rpcbind -w
    rpc.mountd
    exportfs -i -o rw,no_root_squash,fsid=0,no_subtree_check,insecure '*:/run/export'
    rpc.nfsd -G 10 -L 10 4
    while [ ! -e "$here/stop" ]; do sleep 1; done
else
    load nfs
    load nfsv3
    load nfsv4
    mkdir -p /run/nfs
    for _ in $(seq 60); do
        mount -t nfs -o "$options" "10.77.0.10:$exported" /run/nfs && break
        sleep 1
    done
    "$python" "$tests/nfs_job.py" "$node"
fi
sync
halt -f
