package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hcldec"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/terraform-config-inspect/tfconfig"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// The arguments of aws_eks_node_group, as far as they may be used. Source: the page of the resource in the documentation of
// the provider hashicorp/aws, "aws_eks_node_group"; the provider itself cannot be had as a library.
var nodeGroup = hcldec.ObjectSpec{
	"ami_type":        attribute("ami_type", cty.String, false),
	"capacity_type":   attribute("capacity_type", cty.String, false),
	"cluster_name":    attribute("cluster_name", cty.String, true),
	"disk_size":       attribute("disk_size", cty.Number, false),
	"instance_types":  attribute("instance_types", cty.List(cty.String), false),
	"labels":          attribute("labels", cty.Map(cty.String), false),
	"node_group_name": attribute("node_group_name", cty.String, false),
	"node_role_arn":   attribute("node_role_arn", cty.String, true),
	"release_version": attribute("release_version", cty.String, false),
	"subnet_ids":      attribute("subnet_ids", cty.Set(cty.String), true),
	"tags":            attribute("tags", cty.Map(cty.String), false),
	"version":         attribute("version", cty.String, false),
	"scaling_config": &hcldec.BlockSpec{TypeName: "scaling_config", Required: true, Nested: hcldec.ObjectSpec{
		"desired_size": attribute("desired_size", cty.Number, true),
		"max_size":     attribute("max_size", cty.Number, true),
		"min_size":     attribute("min_size", cty.Number, true),
	}},
	"taint": &hcldec.BlockListSpec{TypeName: "taint", MaxItems: 50, Nested: hcldec.ObjectSpec{
		"effect": attribute("effect", cty.String, true),
		"key":    attribute("key", cty.String, true),
		"value":  attribute("value", cty.String, false),
	}},
}

// What every resource may have beside its own arguments.
var meta = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "lifecycle"}}}

func attribute(name string, of cty.Type, required bool) hcldec.Spec {
	return &hcldec.AttrSpec{Name: name, Type: of, Required: required}
}

// readModule has Terraform's reader find what is in a folder, then evaluates the node groups as Terraform does, with
// these variables.
func readModule(folder string, variables []byte) error {
	module, faults := tfconfig.LoadModule(folder)
	if faults.HasErrors() {
		return faults.Err()
	}
	kind, err := ctyjson.ImpliedType(variables)
	if err != nil {
		return err
	}
	values, err := ctyjson.Unmarshal(variables, kind)
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.tf.json"))
	if err != nil {
		return err
	}
	groups := map[string]json.RawMessage{}
	for _, file := range files {
		if err := evaluate(file, &hcl.EvalContext{Variables: map[string]cty.Value{"var": values}}, groups); err != nil {
			return err
		}
	}
	return print(map[string]any{"module": module, "node_groups": groups})
}

func evaluate(file string, context *hcl.EvalContext, groups map[string]json.RawMessage) error {
	parsed, faults := hclparse.NewParser().ParseJSONFile(file)
	if faults.HasErrors() {
		return faults
	}
	resources := &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "resource", LabelNames: []string{"type", "name"}}}}
	content, _, faults := parsed.Body.PartialContent(resources)
	if faults.HasErrors() {
		return faults
	}
	for _, block := range content.Blocks {
		if block.Labels[0] != "aws_eks_node_group" {
			return fmt.Errorf("%s is not looked for", block.Labels[0])
		}
		_, own, faults := block.Body.PartialContent(meta)
		if faults.HasErrors() {
			return faults
		}
		value, faults := hcldec.Decode(own, nodeGroup, context)
		if faults.HasErrors() {
			return faults
		}
		text, err := ctyjson.Marshal(value, value.Type())
		if err != nil {
			return err
		}
		groups[block.Labels[1]] = text
	}
	return nil
}
