package integration

// helperEnv makes the test binary play another part; see helper.
const helperEnv = "ROOST_TEST_HELPER"

// helper is what the test binary does when a test starts it with helperEnv set.
func helper(part string) int { return 2 }
