package main

import (
	"fmt"
	"os"

	"github.com/spf13/pflag"
	"sigs.k8s.io/kwok/kustomize/metrics/resource"
	"sigs.k8s.io/kwok/kustomize/metrics/usage"
	node "sigs.k8s.io/kwok/kustomize/stage/node/fast"
	heartbeat "sigs.k8s.io/kwok/kustomize/stage/node/heartbeat-with-lease"
	pod "sigs.k8s.io/kwok/kustomize/stage/pod/fast"
	"sigs.k8s.io/kwok/pkg/config"
	"sigs.k8s.io/kwok/pkg/kwok/cmd"
	"sigs.k8s.io/kwok/pkg/log"
	"sigs.k8s.io/kwok/pkg/utils/signals"
	"sigs.k8s.io/yaml"
)

// Annotations of a pod that say how long it takes; at once without them.
const (
	readyAfter = "ground.plimsoll/ready-after"
	endAfter   = "ground.plimsoll/end-after"
	goneAfter  = "ground.plimsoll/gone-after"
)

// kubelets runs simulated kubelets.
func kubelets() {
	// kwok registers a flag --version, and so does a package of Kubernetes: it gets a set of flags of its own.
	pflag.CommandLine = pflag.NewFlagSet(os.Args[0], pflag.ExitOnError)
	flags := pflag.NewFlagSet("global", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.Usage = func() {}
	ctx, _ := log.InitFlags(signals.SetupSignalContext(), flags)
	ctx, err := config.InitFlags(ctx, flags)
	exitOn(err)
	command := cmd.NewCommand(ctx)
	command.PersistentFlags().AddFlagSet(flags)
	exitOn(command.ExecuteContext(ctx))
}

// stages prints what kubelets do, in the form that --config of kwok reads: kwok's own quick stages, delayed as a pod's
// annotations say, and what kubelets measure.
func stages() {
	for _, document := range []string{
		node.DefaultNodeInit,
		heartbeat.DefaultNodeHeartbeatWithLease,
		delayed(pod.DefaultPodReady, readyAfter),
		delayed(pod.DefaultPodComplete, endAfter),
		delayed(pod.DefaultPodDelete, goneAfter),
		resource.DefaultMetricsResource,
		usage.DefaultUsageFromAnnotation,
	} {
		fmt.Printf("---\n%s\n", document)
	}
}

// delayed is a stage that waits for as long as an annotation says.
func delayed(stage, annotation string) string {
	var object map[string]any
	exitOn(yaml.Unmarshal([]byte(stage), &object))
	object["spec"].(map[string]any)["delay"] = map[string]any{
		"durationMilliseconds": 0,
		"durationFrom":         map[string]any{"expressionFrom": fmt.Sprintf(".metadata.annotations[%q]", annotation)},
	}
	written, err := yaml.Marshal(object)
	exitOn(err)
	return string(written)
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
