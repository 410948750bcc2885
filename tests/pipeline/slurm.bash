# A Slurm of two nodes, both this machine: slurm_start FOLDER, slurm_stop FOLDER.  As root, without systemd; nothing of
# the system's own configuration is read or written.

# Says why there can be none.
slurm_missing() {
	local p
	for p in munged slurmctld slurmd srun; do
		command -v $p >/dev/null || { echo "$p is not installed (pipelines/deps.sh check)"; return; }
	done
	[ "$(id -u)" -eq 0 ] || echo "slurmd needs root here"
}

slurm_start() {
	local s=$1 host
	host=$(hostname -s)
	mkdir -p "$s"/{log,state,spool/n1,spool/n2,munge}
	chmod 755 "$s" "$s/munge"
	(umask 077 && head -c 128 /dev/urandom >"$s/munge.key")
	munged --force --key-file="$s/munge.key" --socket="$s/munge/socket" --pid-file="$s/munge.pid" \
		--log-file="$s/log/munge" --seed-file="$s/munge.seed" 2>/dev/null
	cat >"$s/slurm.conf" <<-EOF
		ClusterName=fc
		SlurmctldHost=$host(127.0.0.1)
		SlurmUser=root
		SlurmdUser=root
		AuthType=auth/munge
		AuthInfo=socket=$s/munge/socket
		CredType=cred/munge
		ProctrackType=proctrack/linuxproc
		TaskPlugin=task/none
		SelectType=select/cons_tres
		SelectTypeParameters=CR_Core
		StateSaveLocation=$s/state
		SlurmdSpoolDir=$s/spool/%n
		SlurmctldPidFile=$s/slurmctld.pid
		SlurmdPidFile=$s/slurmd-%n.pid
		SlurmctldLogFile=$s/log/slurmctld
		SlurmdLogFile=$s/log/%n
		SlurmctldPort=26817
		ReturnToService=2
		AccountingStorageType=accounting_storage/none
		JobAcctGatherType=jobacct_gather/none
		MpiDefault=none
		NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=26818 CPUs=1 RealMemory=1000 State=UNKNOWN
		NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=26819 CPUs=1 RealMemory=1000 State=UNKNOWN
		PartitionName=p Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
	EOF
	export SLURM_CONF=$s/slurm.conf
	slurmctld 3>&-
	slurmd -N n1 3>&-
	slurmd -N n2 3>&-
	for _ in $(seq 100); do
		[ "$(sinfo -h -t idle -o %D 2>/dev/null)" = 2 ] && return
		sleep 0.3
	done
	tail -n 5 "$s"/log/*
	return 1
}

# Only what slurm_start has begun: by the files with their numbers.
slurm_stop() {
	local f pid
	for f in "$1"/slurmd-n1.pid "$1"/slurmd-n2.pid "$1"/slurmctld.pid "$1"/munge.pid; do
		[ -s "$f" ] || continue
		pid=$(cat "$f")
		kill "$pid" 2>/dev/null || continue
		for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done # it saves its state
	done
}
