package check

import (
	"context"
	"os"

	"github.com/roost-run/roost/idmap"
	"github.com/roost-run/roost/internal/probe"
)

// Host asks all questions about this machine and this user.
func Host(ctx context.Context, root Place) []Item {
	h := thisHost()
	program, _ := os.Readlink("/proc/self/exe")
	account, _ := idmap.Sources{}.Account(ctx, uint32(os.Geteuid()), uint32(os.Getegid()))
	caller := h.callerFacts(account)
	user := caller.err != nil || !caller.privileged()

	list := callerItems(caller)
	list = append(list, stateItems(h.stateFacts(root, caller))...)
	namespaces := h.usernsFacts(ctx, caller)
	list = append(list, usernsItems(namespaces)...)
	list = append(list, idItems(h.idFacts(ctx, caller))...)
	list = append(list, securityItems(h.securityFacts(caller, program))...)
	possible := namespaces.all == nil && (namespaces.alone == nil || !user)
	list = append(list, mountItems(h.mountFacts(ctx, user, possible))...)
	list = append(list, cgroupItems(h.cgroupFacts(ctx, caller))...)
	list = append(list, kernelItems(probe.Kernel(ctx, user))...)
	list = append(list, toolItems(h.toolFacts(ctx, program))...)
	return append(list, networkItems(h.networkFacts(caller))...)
}
