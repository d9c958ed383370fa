// Command ground is a Kubernetes control plane in one binary: etcd, the API server, the scheduler, the controller manager, the
// metrics server and simulated kubelets; and kubectl, to look at it. The first argument names the component, the rest are its
// own flags.
package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	apiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubeapiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	"k8s.io/kubernetes/pkg/controller/job"
	metricsserver "sigs.k8s.io/metrics-server/cmd/metrics-server/app"
)

var components = map[string]func(){
	"etcd":                    func() { etcdmain.Main(os.Args) },
	"kube-apiserver":          run(func() *cobra.Command { return kubeapiserver.NewAPIServerCommand() }),
	"kube-controller-manager": run(func() *cobra.Command { return controllers.NewControllerManagerCommand() }),
	"kube-scheduler":          run(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
	"metrics-server": run(func() *cobra.Command {
		return metricsserver.NewMetricsServerCommand(apiserver.SetupSignalHandler())
	}),
	"kubectl": run(kubectl.NewDefaultKubectlCommand),
	"kwok":    kubelets,
	"stages":  stages,
}

func run(command func() *cobra.Command) func() {
	return func() { os.Exit(cli.Run(command())) }
}

func main() {
	if len(os.Args) < 2 || components[os.Args[1]] == nil {
		names := make([]string, 0, len(components))
		for name := range components {
			names = append(names, name)
		}
		slices.Sort(names)
		fmt.Fprintf(os.Stderr, "usage: ground {%s} [FLAGS]\n", strings.Join(names, "|"))
		os.Exit(2)
	}
	if os.Getenv("GROUND_LEASH") != "" {
		// Whoever started it holds the other end, and takes it along however it ends.
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(1)
		}()
	}
	if speed, err := strconv.Atoi(os.Getenv("GROUND_SPEED")); err == nil && 0 < speed {
		// For whoever has a clock that goes faster: the controller of Jobs waits for minutes, and has no flag for it.
		job.DefaultJobPodFailureBackOff /= time.Duration(speed)
		job.MaxJobPodFailureBackOff /= time.Duration(speed)
	}
	component := components[os.Args[1]]
	os.Args = os.Args[1:]
	component()
}
