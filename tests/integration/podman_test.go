package integration

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// needMachine is for what takes a whole machine of its own, with what is installed there.
func needMachine(t testing.TB) {
	t.Helper()
	needBus(t)
	if !slices.Contains(strings.Split(os.Getenv("ROOST_TEST_GRANTS"), ","), "vm") {
		t.Skip("vm: run it in the machine (tests/vm/README.md)")
	}
}

// podmans runs a script in which podman is podman with a storage of its own, roost as its runtime, and cgroups by systemd. It runs
// as a service, so that what podman leaves for the next call ends with it.
func podmans(t testing.TB, script string) result {
	t.Helper()
	dir := tempDir(t)
	args := []string{"--quiet", "--pipe", "--wait", "--collect", "--working-directory", dir}
	if !isRoot() {
		args = append([]string{"--user"}, args...)
	}
	front := `set -eu
export HOME=$PWD
cp -r ` + home.rootfs + ` rootfs
podman() {
	command podman --root "$PWD/root" --runroot "$PWD/run" --tmpdir "$PWD/tmp" --storage-driver vfs --cgroup-manager systemd --events-backend file --runtime ` + home.roost + ` "$@"
}
trap 'podman pod rm --all --force --time 0 >&2; podman rm --all --force --time 0 >&2; rm -rf root run tmp' EXIT
`
	return finish(t, exec.Command("systemd-run", append(args, "/bin/bash", "-c", front+script)...))
}

// podman hands limits on, and the container sees them in force in its own cgroup.
func TestPodmanLimits(t *testing.T) {
	needMachine(t)
	for _, c := range []string{"cpu", "memory", "pids"} {
		needController(t, c)
	}
	r := podmans(t, `cd "$PWD"
podman run --rm --network none --memory 64m --cpus 0.5 --pids-limit 40 --rootfs "$PWD/rootfs" sh -c 'cd /sys/fs/cgroup; cat memory.max cpu.max pids.max'
podman run --detach --name c --network none --memory 64m --rootfs "$PWD/rootfs" sh -c "`+sleeper+`" >/dev/null
podman exec c cat /sys/fs/cgroup/memory.max
podman update --memory 80m --memory-swap 80m c >/dev/null
podman exec c cat /sys/fs/cgroup/memory.max
podman stats --no-stream --format '{{.Name}} {{.PIDs}}' c
podman pause c >/dev/null
podman inspect --format '{{.State.Status}}' c
podman unpause c >/dev/null
podman run --rm --network none --memory 32m --memory-swap 32m --rootfs "$PWD/rootfs" sh -c 'head -c 100m /dev/zero | tail -c 100m >/dev/null' || echo ended $?
`)
	want := "67108864\n50000 100000\n40\n67108864\n83886080\nc 2\npaused\nended 137\n"
	if r.Code != 0 || r.Stdout != want {
		t.Errorf("want %s: %v", want, r)
	}
}

// A pod has a cgroup around those of its containers, with a limit for them all.
func TestPodmanPod(t *testing.T) {
	needMachine(t)
	needController(t, "memory")
	if out, err := exec.Command("podman", "--version").Output(); err == nil && strings.HasPrefix(string(out), "podman version 4") {
		t.Skipf("podman 5: %s limits pods by their infra containers", oneLine(out))
	}
	r := podmans(t, `
podman pod create --name p --memory 128m --share "" --infra=false >/dev/null
podman run --detach --pod p --name a --network none --rootfs "$PWD/rootfs" sh -c "`+sleeper+`" >/dev/null
podman run --detach --pod p --name b --network none --memory 64m --rootfs "$PWD/rootfs" sh -c "`+sleeper+`" >/dev/null
podman exec b cat /sys/fs/cgroup/memory.max
cat "/sys/fs/cgroup$(dirname "$(sed s/^0::// "/proc/$(podman inspect --format '{{.State.Pid}}' a)/cgroup")")/memory.max"
podman pod stop --time 5 p >/dev/null
podman ps --all --format '{{.Names}} {{.State}}' | sort
`)
	want := "67108864\n134217728\na exited\nb exited\n"
	if r.Code != 0 || r.Stdout != want {
		t.Errorf("want %s: %v", want, r)
	}
}
