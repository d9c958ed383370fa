// What other tools say of files that Plimsoll writes for them, in the words of those tools' own modules: Karpenter's custom
// resource definitions, eksctl's schema and checks, Terraform's reader of configurations.
//
//	schemas crds              prints the definitions, as a JSON list
//	schemas documents < FILE  prints the objects that kubectl reads, as a JSON list
//	schemas eksctl < FILE     prints the configuration that eksctl reads, as JSON; fails if it refuses it
//	schemas terraform FOLDER < VARIABLES  prints what Terraform reads of a folder and makes of its node groups, with
//	                          variables in JSON; fails if it refuses it
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	karpenter "github.com/aws/karpenter-provider-aws/pkg/apis"
	"github.com/santhosh-tekuri/jsonschema/v6"
	eksctl "github.com/weaveworks/eksctl/pkg/apis/eksctl.io/v1alpha5"
	kubernetes "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "crds":
		return print(karpenter.CRDs)
	case len(args) == 1 && args[0] == "documents":
		return readDocuments(os.Stdin)
	case len(args) == 1 && args[0] == "eksctl":
		return readCluster(os.Stdin)
	case len(args) == 2 && args[0] == "terraform":
		variables, err := io.ReadAll(os.Stdin)
		if err != nil {
			return err
		}
		return readModule(args[1], variables)
	}
	return fmt.Errorf("usage: schemas crds | documents | eksctl | terraform FOLDER")
}

func print(value any) error {
	return json.NewEncoder(os.Stdout).Encode(value)
}

// readDocuments decodes a stream as kubectl does.
func readDocuments(from io.Reader) error {
	decoder := kubernetes.NewYAMLOrJSONDecoder(from, 4096)
	documents := []any{}
	for {
		var document any
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return print(documents)
		}
		if err != nil {
			return err
		}
		if document != nil {
			documents = append(documents, document)
		}
	}
}

// readCluster has eksctl's schema judge a configuration, then its decoder, which knows all fields, then its own checks.
func readCluster(from io.Reader) error {
	text, err := io.ReadAll(from)
	if err != nil {
		return err
	}
	asJSON, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return err
	}
	if err := followsSchema(string(asJSON)); err != nil {
		return err
	}
	config := eksctl.NewClusterConfig()
	if err := yaml.UnmarshalStrict(text, config); err != nil {
		return err
	}
	eksctl.SetClusterConfigDefaults(config)
	if err := eksctl.ValidateClusterConfig(config); err != nil {
		return err
	}
	for index, group := range config.ManagedNodeGroups {
		if err := eksctl.SetManagedNodeGroupDefaults(group, config.Metadata, false); err != nil {
			return err
		}
		if err := eksctl.ValidateManagedNodeGroup(index, group); err != nil {
			return err
		}
	}
	return print(config)
}

func followsSchema(document string) error {
	schema, err := jsonschema.UnmarshalJSON(strings.NewReader(eksctl.SchemaJSON))
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(document))
	if err != nil {
		return err
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("eksctl.json", schema); err != nil {
		return err
	}
	compiled, err := compiler.Compile("eksctl.json")
	if err != nil {
		return err
	}
	return compiled.Validate(value)
}
